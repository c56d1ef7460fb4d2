// FUZZ_REQUESTS sets how many.
import { testFuzz } from './fuzz.cases.ts'

testFuzz(Number(process.env['FUZZ_REQUESTS'] ?? 100))
