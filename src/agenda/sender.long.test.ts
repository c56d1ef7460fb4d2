// More than a sender keeps in memory; sender.test.ts has less.
import { testKeptOrder } from './sender.cases.ts'

testKeptOrder(40_000)
