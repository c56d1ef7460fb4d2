// A recurring schedule on PostgreSQL.
import { afterAll } from 'bun:test'
import { postgres } from '../adapters/postgres/store.ts'
import { testSchema } from '../test-support/schema.ts'
import { testSchedule } from './recurring.cases.ts'

const at = testSchema()
afterAll(async () => (await at).drop())

testSchedule('PostgreSQL', async () => {
  const { url, schema, sql } = await at
  // The database's time is its own: what is stored is moved instead.
  const advance = (ms: number) => sql`update ${sql(`${schema}.agenda`)} set due = due - ${ms} * interval '1 millisecond'`
  return { store: postgres(url, { schema }), advance }
})
