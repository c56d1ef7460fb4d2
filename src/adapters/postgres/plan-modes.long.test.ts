// How often a statement is planned in a session that has sent it before, and what it reads once the log has grown under its plan. The
// server logs each plan that it makes, also those within functions, so that the database itself is asked.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import createClient, { type Notice, type Sql } from 'postgres'
import type { NewEntry } from '../../ports/agenda/agenda.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Unit } from '../../ports/store/unit.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { Pool } from './pool.ts'
import { postgres } from './store.ts'

/** PostgreSQL decides on a plan for all values after five executions. */
const WARMING = 7
const GROWTH = 20_000
/** The most rows that a call may read, but for those that look at everything. */
const READ_MAX = 60
const orders: Table = {
  name: 'orders_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}

type Ask = (i: number) => Promise<unknown>
/** `anew`: why it is planned at each call. `reads`: how many rows it may read, where these are many by nature. */
type Row = readonly [name: string, ask: Ask, but?: { readonly anew?: string; readonly reads?: number }]

let at: TestSchema
let store: Store
let session: Sql
let epoch: number
const notices: Notice[] = []
const run = Pool.prototype.run
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema })
  await store.open()
  await store.readModel.prepare([orders])
  await keepStatistics()
  epoch = (await store.readModel.acquire(orders.name, { owner: 'me', ttlMs: 600_000, start: 0 }))!.epoch
  const types = { bigint: { to: 20, from: [20], serialize: String, parse: Number } }
  session = createClient(at.url, {
    max: 1,
    fetch_types: false,
    onnotice: notice => notices.push(notice),
    types,
  }) as unknown as Sql
  // All statements go through one session.
  Pool.prototype.run = statement => statement(session)
})
afterAll(async () => {
  Pool.prototype.run = run
  await session.end()
  await store.close()
  await at.drop()
})

/** Statistics that the server takes by itself, at some moment of a slow test, have every statement planned anew. */
async function keepStatistics(): Promise<void> {
  const tables = await at.sql<{ name: string }[]>`select tablename as name from pg_tables where schemaname = ${at.schema}`
  for (const { name } of tables) await at.sql`alter table ${at.sql(`${at.schema}.${name}`)} set (autovacuum_enabled = false)`
}

const range = (length: number) => Array.from({ length }, (_, i) => i)
const newUnit = (stream: string, { expect = 0, key = '', events = 1 } = {}): Unit => ({
  slices: [
    {
      stream,
      expect,
      events: range(events).map(() => ({ id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '{}', meta: '{}' })),
    },
  ],
  keys: key ? [{ key, fingerprint: 'f', stream, version: 1, count: 1, rejection: null, keepMs: 600_000 }] : [],
})
const newEntry = (id: string): NewEntry => ({ id, owner: 'p', key: 'k', timer: null, command: '{}', meta: '{}', due: 0, set: 1 })
let position = 0
const commit = (i: number, data: readonly (string | null)[], more: Partial<NewPage> = {}) =>
  store.readModel.commit({
    name: orders.name,
    epoch,
    from: position,
    to: ++position,
    ttlMs: 600_000,
    rows: data.map((data, j) => ({ key: `k${i}-${j}`, position, data, fields: ['a', 1] })),
    park: [],
    unpark: [],
    ...more,
  } as NewPage)

const BY_LENGTH = 'the best plan depends on how many are asked for'
const BY_SIZE = 'the agenda may grow from nothing within a second'
const rows: readonly Row[] = [
  ['an append to one stream', i => store.append([newUnit(`a-${i}`)])],
  ['an append to three streams', i => store.append(range(3).map(n => newUnit(`b${n}-${i}`)))],
  ['an append to 100 streams', i => store.append(range(100).map(n => newUnit(`c${n}-${i}`))), { reads: 100 }],
  ['an append of five events', i => store.append([newUnit(`d-${i}`, { events: 5 })])],
  ['an append with a key', i => store.append([newUnit(`e-${i}`, { key: `key${i}` })])],
  ['an append whose key is known', i => store.append([newUnit(`f-${i}`, { key: 'key0' })])],
  ['an append that conflicts', () => store.append([newUnit('a-0')])],
  ['an append of which a part conflicts', i => store.append([newUnit('a-0'), newUnit(`g-${i}`)])],
  ['a check of a version', () => store.append([newUnit('a-0', { expect: 1, events: 0 })])],
  ['a load of one stream', i => store.load([{ stream: `a-${i}`, after: 0 }], [])],
  ['a load of one stream with a key', i => store.load([{ stream: `a-${i}`, after: 0 }], [`key${i}`])],
  [
    'a load of 100 streams',
    i =>
      store.load(
        range(100).map(n => ({ stream: `c${n}-${i}`, after: 0, snapshot: 1 })),
        [],
      ),
    { reads: 200 },
  ],
  ['a page of a stream', () => store.read('a-0', { after: 0, limit: 10 })],
  ['a page of the log', i => store.readAll({ after: i, limit: 10 })],
  ['the head', () => store.head()],
  ['streams', () => store.streams({ after: '', limit: 10 })],
  ['a snapshot', i => store.saveSnapshots([{ stream: `a-${i}`, fold: 1, version: 1, state: '{}' }])],
  ['what forgets keys', () => store.forgetKeys()],
  ['a page of one row', i => commit(i, ['{}'])],
  [
    'a page of 50 rows',
    i =>
      commit(
        i,
        range(50).map(() => '{}'),
      ),
    { reads: 120 },
  ],
  ['a page that deletes a row', i => commit(i, [null])],
  ['a page with an agenda', i => commit(i, ['{}'], { agenda: { add: [newEntry(`x${i}`)], remove: [`x${i - 1}`] } })],
  ['a lease', () => store.readModel.acquire('other', { owner: 'me', ttlMs: 600_000, start: 0 })],
  ['a lease that is renewed', () => store.readModel.renew('other', 1, 1_000)],
  ['a row', i => store.readModel.get(orders, `k0-${i}`)],
  ['rows', i => store.readModel.rows(orders, [`k0-${i}`, 'x']), { anew: BY_LENGTH }],
  ['what is scheduled', i => store.agenda.schedule(newEntry(`s${i}`))],
  ['what is due', () => store.agenda.due('p', 10)],
  ['an entry', i => store.agenda.find(`s${i}`)],
  ['entries that begin', i => store.agenda.begin([`s${i}`]), { anew: BY_SIZE }],
  ['entries that are done', i => store.agenda.done([{ id: `s${i}`, set: 1 }]), { anew: BY_SIZE }],
  ['entries that end', i => store.agenda.end([{ id: `s${i}`, outcome: 'x' }]), { anew: BY_SIZE }],
  ['an entry that is removed', i => store.agenda.remove(`s${i}`), { anew: BY_SIZE }],
  ['what forgets entries', () => store.agenda.forget(1_000), { anew: BY_SIZE }],
]

/** What was planned while something was asked twice. */
async function countPlans(ask: Ask, i: number): Promise<number> {
  await session.unsafe('set debug_print_plan = on; set client_min_messages = log').simple()
  notices.length = 0
  await ask(i)
  await ask(i + 1)
  await session.unsafe('set debug_print_plan = off; set client_min_messages = warning').simple()
  return notices.filter(({ message }) => message === 'plan:').length
}

/** How many rows of all tables were read while something was asked. */
async function countRead(ask: () => Promise<unknown>): Promise<number> {
  const read = async () => {
    const [found] = await session.unsafe<{ read: number }[]>(
      `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables where schemaname = '${at.schema}'`,
    )
    return found!.read
  }
  await session.unsafe('begin').simple()
  const before = await read()
  await ask()
  const after = await read()
  await session.unsafe('commit').simple()
  return after - before
}

/** Past the triggers, as only a superuser can, and without statistics. */
async function growLog(): Promise<void> {
  await at.sql.begin(async tx => {
    const settings = `set local session_replication_role = replica; set local synchronous_commit = off; set local search_path = ${at.schema}`
    await tx.unsafe(settings).simple()
    for (const into of [
      `events select 1000000 + i, 'order-' || i / 10, i % 10 + 1, gen_random_uuid(), 'T', 's', '{}', '{}', now()`,
      `rows_orders_v1 select 'r' || i, i, '{}', 's' || i % 20, i`,
      `keys select 'other' || i, 'f', 's', 1, 1, 1, null, now() + interval '1 hour'`,
      `snapshots select 'order-' || i, 1, 1, '{}'`,
      `agenda (id, owner, key, meta, due, at_position, made_at, ended_at)
        select 'other' || i, 'q' || i % 3, 'k', '{}', now(), 1, now(), case when i % 2 = 0 then now() + interval '1 hour' end`,
    ])
      await tx.unsafe(`insert into ${into} from generate_series(1, ${GROWTH}) i`)
    await tx.unsafe(`select setval('positions', 2000000)`)
  })
}

describe('a statement that its session knows', () => {
  beforeAll(async () => {
    for (const [, ask] of rows) for (const i of range(WARMING)) await ask(i)
  })

  test('a statement that its session knows is not planned again, but for those of the table', async () => {
    const found: [string, boolean][] = []
    for (const [name, ask] of rows) found.push([name, (await countPlans(ask, WARMING)) > 0])
    expect(found).toEqual(rows.map(([name, , but]) => [name, but?.anew !== undefined]))
  })

  test('a statement that its session knows from a small log reads by an index in one that has grown since', async () => {
    await growLog()
    const found: [string, number][] = []
    for (const [name, ask] of rows) found.push([name, await countRead(() => ask(WARMING + 2))])
    expect(found.filter(([, read], i) => read > (rows[i]![2]?.reads ?? READ_MAX))).toEqual([])
  })

  test('a statement that its session knows is still not planned again where the statistics are of the log that has grown', async () => {
    await at.sql.unsafe(`analyze ${at.schema}.events, ${at.schema}.keys, ${at.schema}.snapshots`)
    const found: [string, number][] = []
    for (const [name, ask] of rows.filter(([name]) => /^an append|^a load|^a check/.test(name))) {
      for (const i of range(WARMING)) await ask(WARMING + 3 + i)
      found.push([name, await countPlans(ask, 2 * WARMING + 3)])
    }
    expect(found.filter(([, plans]) => plans > 0)).toEqual([])
    expect(found).toHaveLength(12)
  })
})
