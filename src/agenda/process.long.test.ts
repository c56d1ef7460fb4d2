// Processes over a runtime, on PostgreSQL: the cases of process.test.ts.
import { afterAll } from 'bun:test'
import { postgres } from '../adapters/postgres/store.ts'
import { emptyLog, testSchema } from '../test-support/schema.ts'
import { testProcesses } from './process.cases.ts'

/** One for all cases, and emptied after each. */
const at = testSchema()
afterAll(async () => (await at).drop())

testProcesses(
  'PostgreSQL',
  async () => {
    const { url, schema, sql } = await at
    return {
      store: () => postgres(url, { schema }),
      // The database's time is its own: what is stored is moved instead.
      advance: async ms => {
        await sql`update ${sql(`${schema}.agenda`)} set due = due - ${ms} * interval '1 millisecond' where timer is not null`
      },
    }
  },
  async () => emptyLog(await at),
)
