import { afterAll } from 'bun:test'
import { storeContract } from '../store/contract/index.ts'
import { madeIn, testSchema } from '../testing/schema.ts'

const at = testSchema()
afterAll(async () => (await at).drop())

storeContract('PostgreSQL', async () => madeIn(await at))
