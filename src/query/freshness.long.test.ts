import { testFreshness, testPlantedCaches } from './freshness.cases.ts'

testFreshness({ runs: 150, tieredRuns: 400 })
testPlantedCaches()
