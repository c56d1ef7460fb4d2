import { testFreshness } from './freshness.cases.ts'

testFreshness({ runs: 30, tieredRuns: 60 })
