import { planTests } from '../testing/plans.ts'

planTests(1_000_000)
