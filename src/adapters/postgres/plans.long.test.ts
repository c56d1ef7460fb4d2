// How statements find what they read, asked of the database with so many events that a bad plan would cost. A plan is the same for a
// million, which `bun run test:servers` tries.
import { planTests } from '../../test-support/plans.ts'

planTests(100_000)
