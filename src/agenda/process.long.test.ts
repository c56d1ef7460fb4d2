// Processes over a runtime, on SQLite and PostgreSQL: the cases of process.test.ts.
import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgres } from '../adapters/postgres/store.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import { movableNow } from '../test-support/movable-now.ts'
import { emptyLog, testSchema } from '../test-support/schema.ts'
import { testProcesses } from './process.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-process-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

testProcesses('SQLite', async () => {
  const { now, advance } = movableNow()
  const file = join(folder, `${files++}.db`)
  return { store: () => sqlite(file, { now }), advance }
})

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
