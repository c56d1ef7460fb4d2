import { afterAll } from 'bun:test'
import { readModelContract } from '../read-model/contract.ts'
import { madeReadModelIn, testSchema } from '../testing/schema.ts'

const at = testSchema()
afterAll(async () => (await at).drop())

readModelContract('PostgreSQL', async () => madeReadModelIn(await at))
