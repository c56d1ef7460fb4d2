import { testPenalty } from './penalty.cases.ts'

testPenalty('PostgreSQL')
