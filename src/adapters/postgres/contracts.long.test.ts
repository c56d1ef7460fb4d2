// The contracts of the store and the read model on PostgreSQL, with all of their random runs.
import { afterAll } from 'bun:test'
import { readModelContract } from '../../ports/read-model/contract/index.ts'
import { storeContract } from '../../ports/store/contract/index.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { testSchema } from '../../test-support/schema.ts'

const log = new KeptLog(testSchema())
afterAll(() => log.drop())

storeContract('PostgreSQL', () => log.openLog())
readModelContract('PostgreSQL', () => log.openReadModel())
