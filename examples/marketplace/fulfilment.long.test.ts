import { testPostgres } from '../../src/test-support/servers/postgres.ts'
import { testOrders } from './fulfilment.cases.ts'

testOrders('PostgreSQL', async () => ({ DATABASE_URL: await (await testPostgres()).createDatabase('fulfilment') }))
