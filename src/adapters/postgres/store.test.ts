import { afterAll } from 'bun:test'
import { storeContract } from '../../ports/store/contract/index.ts'
import { openLogIn, testSchema } from '../../test-support/schema.ts'

const at = testSchema()
afterAll(async () => (await at).drop())

storeContract('PostgreSQL', async () => openLogIn(await at))
