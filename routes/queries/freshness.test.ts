import { testFreshAnswers } from './freshness.cases.ts'

testFreshAnswers(4)
