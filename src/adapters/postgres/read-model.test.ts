// With few of its random runs; contracts.long.test.ts has all.
import { afterAll } from 'bun:test'
import { readModelContract } from '../../ports/read-model/contract/index.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { testSchema } from '../../test-support/schema.ts'

const log = new KeptLog(testSchema())
afterAll(() => log.drop())

readModelContract('PostgreSQL', () => log.openReadModel(), { share: 1 / 8 })
