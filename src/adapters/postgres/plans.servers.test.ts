import { planTests } from '../../test-support/plans.ts'

planTests(1_000_000)
