import { afterAll } from 'bun:test'
import { pagesContract } from '../store/pages-contract.ts'
import { madeIn, testSchema } from '../testing/schema.ts'

const at = testSchema()
afterAll(async () => (await at).drop())

pagesContract('PostgreSQL', async () => madeIn(await at))
