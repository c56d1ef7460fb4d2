// What a database or a role is set to for all its sessions: each works, or is refused by name with the statement that mends it.
import { filterByValues } from '../../ports/read-model/filter.ts'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import createClient, { type Sql } from 'postgres'
import type { Store } from '../../ports/store/store.ts'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { refuseWrongSettings } from './session.ts'
import { postgres } from './store.ts'

const DEADLINE_MS = 4_000

let url: string
let sql: Sql
let database: string
beforeAll(async () => {
  url = await (await testPostgres()).createDatabase('sessions')
  sql = createClient(url, { max: 1, onnotice: () => {}, fetch_types: false })
  database = new URL(url).pathname.slice(1)
  const store = postgres(url)
  await store.open()
  await store.close()
})
afterAll(() => sql.end())

/** Settings that would change an append, what is read, or how long either may take. */
const working: Readonly<Record<string, string>> = {
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  datestyle: 'SQL, DMY',
  timezone: 'Asia/Kolkata',
  intervalstyle: 'iso_8601',
  search_path: 'nowhere',
  extra_float_digits: '-12',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  quote_all_identifiers: 'on',
  bytea_output: 'escape',
  synchronous_commit: 'off',
  statement_timeout: '1',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1',
  idle_session_timeout: '1',
  transaction_timeout: '1',
  client_encoding: 'LATIN1',
  client_min_messages: 'debug5',
  lc_messages: 'C',
  enable_indexscan: 'off',
  plan_cache_mode: 'force_custom_plan',
  row_security: 'off',
  transform_null_equals: 'on',
  check_function_bodies: 'off',
  jit: 'on',
}

async function withSettings<T>(settings: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  try {
    for (const [name, value] of Object.entries(settings))
      await sql.unsafe(`alter database "${database}" set ${name} = ${name === 'search_path' ? value : `'${value}'`}`)
    return await run()
  } finally {
    await sql.unsafe(`alter database "${database}" reset all`)
  }
}

const event = () => ({ id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '{"path":"C:\\\\é"}', meta: '{}' })
const unit = (stream: string, expect: number) => ({ slices: [{ stream, expect, events: [event()] }], keys: [] })
const table = { name: 'rows_v1', indexes: [{ field: 'n', kind: 'number' as const }] }

/** Uses all parts of a store, and gives what can be told from the outside. */
async function useStore(store: Store): Promise<object> {
  await store.open()
  try {
    const stream = `s-${Bun.randomUUIDv7()}`
    const [appended] = await store.append([unit(stream, 0)])
    const [lost] = await store.append([unit(stream, 0)])
    const [read] = await store.read(stream, { after: 0, limit: 1 })
    const head = await store.streams({ after: '', limit: 1_000 }).then(all => all.find(one => one.stream === stream))
    const times = [
      appended?.outcome === 'appended' && appended.at,
      lost?.outcome === 'conflict' && lost.conflicts[0]!.missed?.[0]?.at,
      read!.at,
      head!.at,
    ]
    return { times: new Set(times).size, data: read!.data, rows: await useRows(store), agenda: await useAgenda(store) }
  } finally {
    await store.close()
  }
}

async function useRows({ readModel }: Store): Promise<object> {
  await readModel.prepare([table])
  const lease = (await readModel.acquire(table.name, { owner: 'o', ttlMs: 60_000, start: 0 }))!
  const leftMs = (await readModel.leases())[0]!.leftMs
  const page = { name: table.name, epoch: lease.epoch, from: lease.position, to: lease.position + 1, ttlMs: 60_000 }
  const row = { key: 'a', position: 1, data: '{}', fields: [1234567.25] }
  let isSynced: unknown
  const run = async (tx: unknown) => {
    const [shown] = await (tx as Sql).unsafe('show synchronous_commit')
    isSynced = shown?.['synchronous_commit']
  }
  const committed = [
    await readModel.commit({ ...page, rows: [row], park: [], unpark: [] }),
    await readModel.commit({ ...page, from: page.to, to: page.to + 1, rows: [], park: [], unpark: [], run }),
  ]
  await readModel.release(table.name, lease.epoch)
  const { found } = await readModel.list(table, { where: filterByValues({ n: 1234567.25 }), sort: [], after: null, limit: 1 })
  const saved = Date.parse((await readModel.progress([table.name]))[0]!.savedAt)
  return { committed, isSynced, keys: found.map(({ key }) => key), saved: saved > 0, left: Number.isInteger(leftMs) }
}

async function useAgenda({ agenda }: Store): Promise<object> {
  const id = Bun.randomUUIDv7()
  const due = Date.parse('1971-06-01T10:00:00.123Z')
  const entry = await agenda.schedule({ id, owner: 'o', key: 'k', timer: 't', command: null, meta: '{}', due, set: 0 })
  const { entries } = await agenda.due('o', 10)
  await agenda.remove(id)
  return { due: entry.due, found: entries.map(({ due }) => due) }
}

const expected = {
  times: 1,
  data: '{"path":"C:\\\\é"}',
  rows: { committed: [true, true], isSynced: 'on', keys: ['a'], saved: true, left: true },
  agenda: { due: '1971-06-01T10:00:00.123Z', found: ['1971-06-01T10:00:00.123Z'] },
}

describe('a database that is set otherwise', () => {
  test('a store whose statements may take an hour works with the limits of its own sessions', async () => {
    const schema = `hour_${Math.random().toString(36).slice(2)}`
    expect(await useStore(postgres(url, { schema, deadlineMs: 3_600_000 }))).toEqual(expected)
  })

  test('a store migrates and works where the database sets all that could change what it does', async () => {
    const schema = `all_${Math.random().toString(36).slice(2)}`
    expect(await withSettings(working, () => useStore(postgres(url, { schema })))).toEqual(expected)
  })

  test('a store refuses by name, with the statement that mends it, a setting that it cannot change', async () => {
    const open = () => postgres(url, { migrate: false }).open()
    await withSettings({ session_replication_role: 'replica' }, async () => {
      await expect(open()).rejects.toMatchObject({
        reason: 'refused',
        message: expect.stringContaining(
          `session_replication_role is replica. Run: alter role postgres in database ${database} set session_replication_role = 'origin'`,
        ),
      })
    })
    const store = postgres(url, { migrate: false })
    await store.open()
    await store.close()
  })

  test('a store that may send no settings, because of a pooler, refuses each one that does not fit, by name', async () => {
    const wrong = {
      default_transaction_isolation: 'serializable',
      datestyle: 'German',
      extra_float_digits: '-1',
      array_nulls: 'off',
      synchronous_commit: 'local',
      statement_timeout: '3999',
      lock_timeout: '1',
      transaction_timeout: '1000',
      idle_in_transaction_session_timeout: '1',
    }
    const refused = withSettings(wrong, () => postgres(url, { migrate: false, pooler: true }).open())
    const { message } = await refused.then(
      () => new Error('it opened'),
      (error: Error) => error,
    )
    expect(message).toContain('the sessions of this database do not fit')
    for (const name of Object.keys(wrong)) expect(message.toLowerCase()).toContain(`set ${name} = `)
  })

  test('a store behind a pooler takes time-outs that are no shorter than its own', async () => {
    const other = createClient(url, { max: 1, connection: { statement_timeout: DEADLINE_MS }, onnotice: () => {} })
    await refuseWrongSettings(other, DEADLINE_MS)
    await expect(refuseWrongSettings(other, DEADLINE_MS + 1)).rejects.toThrow('statement_timeout is 4000')
    await other.end()
  })
})
