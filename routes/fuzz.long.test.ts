import { testFuzz } from './fuzz.cases.ts'

testFuzz(4_000)
