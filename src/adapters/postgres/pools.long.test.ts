// What the server is told of each pool, and that one does not hold up another.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Store } from '../../ports/store/store.ts'
import { holdLock } from '../../test-support/hold-lock.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { until } from '../../test-support/servers/until.ts'
import { poolSession, SESSIONS } from './session.ts'
import { postgres } from './store.ts'

const table = { name: 'rows_v1', indexes: [] }
const PROJECTORS = 4

let at: TestSchema
let store: Store
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema, readers: 1 })
  await store.open()
  await store.readModel.prepare([table])
})
afterAll(async () => {
  await store.close()
  await at.drop()
})

type Settings = { readonly statement: string; readonly tcp: string; readonly idle: string }
/** What holds in a session while a page is written in it, as a function of the page's own asks for. */
const SHOWN = `select current_setting('statement_timeout') as statement, current_setting('tcp_user_timeout') as tcp,
  current_setting('idle_in_transaction_session_timeout') as idle`

test('a page with statements of its own runs under the time-outs of its lease', async () => {
  const lease = (await store.readModel.acquire('rows_v1', { owner: 'o', ttlMs: 8_000, start: 0 }))!
  let shown: Settings | null = null
  const run = async (sql: unknown) => {
    ;[shown = null] = await (sql as { unsafe: (text: string) => Promise<Settings[]> }).unsafe(SHOWN)
  }
  const page = { name: 'rows_v1', epoch: lease.epoch, from: 0, to: 1, ttlMs: 8_000, rows: [], park: [], unpark: [] }
  expect(await store.readModel.commit({ ...page, run })).toBeTrue()
  expect(shown!).toEqual({ statement: '30s', tcp: '30000', idle: '2s' })
})

test('each pool tells the server its deadline, for statements and for sockets that nobody reads', async () => {
  const { Pool } = await import('./pool.ts')
  const pool = new Pool(at.url, {
    max: 1,
    prepare: false,
    session: poolSession(SESSIONS[1]!, 54_321, 'on'),
    deadlineMs: 54_321,
    connectTimeoutMs: 54_321,
  })
  const [shown] = await pool.run(sql => sql.unsafe(SHOWN))
  await pool.close()
  expect(shown).toMatchObject({ statement: '54321ms', tcp: '54321' })
})

test('reads go on while all connections that write rows wait', async () => {
  // Whoever locks the checkpoints holds up every page that is written.
  const letGo = await holdLock(at.sql, `lock table ${at.schema}.leases in access exclusive mode`)
  const pages = Array.from({ length: PROJECTORS + 1 }, (_, i) =>
    store.readModel.acquire(`other_${i}`, { owner: 'o', ttlMs: 8_000, start: 0 }),
  )
  try {
    const countBlocked = async () => {
      const [row] = await at.sql.unsafe(
        `select count(*)::int as many from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%${at.schema}.acquire_v3%'`,
      )
      return row!['many'] === PROJECTORS
    }
    await until('they wait', countBlocked)
    expect(await store.readAll({ after: 0, limit: 1 })).toEqual([])
    expect(await store.head()).toBe(0)
  } finally {
    await letGo()
  }
  expect((await Promise.all(pages)).every(lease => lease !== null)).toBeTrue()
})
