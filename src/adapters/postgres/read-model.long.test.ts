// What only PostgreSQL does with rows: statements of a page, pages in several statements, locks and roles.
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from 'bun:test'
import createClient, { type TransactionSql } from 'postgres'
import { PageRefused } from '../../ports/read-model/page-refused.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import type { Store } from '../../ports/store/store.ts'
import { startProxy } from '../../test-support/servers/proxy.ts'
import { until } from '../../test-support/servers/until.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { postgres } from './store.ts'

const TTL_MS = 20_000
const orders: Table = {
  name: 'orders_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}
const row = (key: string) => ({ key, position: 1, data: '{}', fields: ['new', 1] })
const page = (changed: Partial<NewPage> & Pick<NewPage, 'epoch'>): NewPage => ({
  ...{ name: 'orders_v1', from: 0, to: 10, ttlMs: TTL_MS, rows: [], park: [], unpark: [] },
  ...changed,
})
/** More rows than one statement carries. */
const buildRows = (length = 5_000) => Array.from({ length }, (_, i) => row(`k${String(i).padStart(6, '0')}`))

let at: TestSchema
let store: Store
let rows: ReadModel
let epoch: number
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema })
  await store.open()
  rows = store.readModel
})
afterAll(async () => {
  await store.close()
  await at.drop()
})
beforeEach(async () => {
  await rows.drop('orders_v1')
  await rows.prepare([orders])
  epoch = (await rows.acquire('orders_v1', { owner: 'a', ttlMs: TTL_MS, start: 0 }))!.epoch
})

describe('statements of a page', () => {
  const runOnMine = (sql: unknown, text: string) => (sql as TransactionSql).unsafe(text.replaceAll('mine', `${at.schema}.mine`))

  test('a statement of a page is written with its rows and its checkpoint', async () => {
    expect(
      await rows.commit(page({ epoch, rows: [row('o1')], run: sql => runOnMine(sql, 'create table mine (n integer)') })),
    ).toBeTrue()
    expect(await rows.commit(page({ epoch, from: 10, to: 20, run: sql => runOnMine(sql, 'drop table mine') }))).toBeTrue()
    expect(await rows.get(orders, 'o1')).toMatchObject({ found: { key: 'o1' }, position: 20 })
  })

  test("a statement of a page names tables that are the log's own, and not those of another log in the database", async () => {
    const runUnqualified = (sql: unknown, text: string) => (sql as TransactionSql).unsafe(text)
    expect(await rows.commit(page({ epoch, run: sql => runUnqualified(sql, 'create table own (n integer)') }))).toBeTrue()
    const found = await at.sql<{ schemaname: string }[]>`select schemaname from pg_tables where tablename = 'own'`
    expect(found.map(({ schemaname }) => schemaname)).toEqual([at.schema])
    expect(await rows.commit(page({ epoch, from: 10, to: 20, run: sql => runUnqualified(sql, 'drop table own') }))).toBeTrue()
  })

  test('a statement of a page is not run where the page is refused', async () => {
    let ran = 0
    for (const changed of [{ epoch: epoch - 1 }, { epoch, from: 5 }])
      expect(await rows.commit(page({ ...changed, run: () => ran++ }))).toBeFalse()
    expect(ran).toBe(0)
  })

  test('a statement of a page that throws fails the page, with its own error as the cause, and leaves nothing of either', async () => {
    const own = new Error('mine')
    const wrong: readonly [NonNullable<NewPage['run']>, unknown][] = [
      [() => { throw own }, own],
      [async sql => { await runOnMine(sql, 'create table mine (n integer)'); throw own }, own],
      [sql => runOnMine(sql, 'select 1 / 0'), expect.objectContaining({ name: 'PostgresError', message: 'division by zero' })],
      // A failure that it keeps to itself has undone the transaction all the same.
      [async sql => { await runOnMine(sql, 'select 1 / 0').catch(() => {}) }, expect.objectContaining({ name: 'StoreError', reason: 'refused' })],
    ] // biome-ignore format: one table
    for (const [run, error] of wrong) {
      expect(await rows.commit(page({ epoch, rows: [row('o1')], run })).catch((thrown: Error) => thrown.cause)).toEqual(error)
      expect(await rows.get(orders, 'o1')).toEqual({ found: null, position: 0, parked: null, parkedStream: null })
    }
    const [found] = await at.sql`select to_regclass(${`${at.schema}.mine`}) as mine`
    expect(found?.['mine']).toBeNull()
    expect(await rows.commit(page({ epoch, rows: [row('o1')] }))).toBeTrue()
  })

  test('a statement of a page is given up after twice its lease where the network swallows the answers', async () => {
    const server = new URL(at.url)
    using proxy = startProxy({ host: server.hostname, port: Number(server.port) })
    const far = postgres(proxy.url(at.url), { schema: at.schema, migrate: false, pooler: false, deadlineMs: 30_000 })
    await far.open()
    await far.readModel.prepare([orders])
    // It connects while time goes by.
    expect(await far.readModel.commit(page({ epoch: epoch + 1, run: async () => {} }))).toBeFalse()
    const swallowed = Promise.withResolvers<void>()
    const run = async (sql: unknown) => {
      proxy.swallow(true, 'toClient')
      swallowed.resolve()
      await runOnMine(sql, 'create table mine (n integer)')
    }
    jest.useFakeTimers()
    const late = far.readModel.commit(page({ epoch, run })).catch((error: unknown) => error)
    await swallowed.promise
    jest.advanceTimersByTime(2 * TTL_MS)
    jest.useRealTimers()
    expect(await late).toMatchObject({ reason: 'unknown', message: expect.stringContaining(`within ${2 * TTL_MS} ms`) })
    proxy.swallow(false)
    proxy.reset()
    await far.close()
  })

  test('a statement of a page fails with a StoreError where the connection is lost, and the next page connects anew', async () => {
    const lose = async (tx: Pick<TransactionSql, 'unsafe'>) => {
      const [own] = await tx.unsafe('select pg_backend_pid() as pid')
      await at.sql`select pg_terminate_backend(${own!['pid']})`
    }
    const insert = (tx: Pick<TransactionSql, 'unsafe'>) =>
      tx.unsafe(`insert into ${at.schema}.serving values ('zombie', 'zombie')`)
    const runs: readonly ((tx: TransactionSql) => Promise<unknown>)[] = [
      tx => lose(tx),
      async tx => [await lose(tx), await insert(tx)],
      async tx => [await lose(tx), await insert(tx).catch(() => {}), await insert(tx)],
      async tx => [await lose(tx), await insert(tx).catch(() => {}), await Bun.sleep(20), await insert(tx)],
      async tx => [await lose(tx), await Bun.sleep(20), await insert(tx)],
      tx => tx.savepoint(async inner => [await lose(inner), await insert(inner)]),
      async tx => {
        await lose(tx)
        throw new Error('mine')
      },
    ]
    const other = { name: 'other', epoch: await acquireLease('other'), run: () => Bun.sleep(5) }
    let position = 0
    for (const run of [...runs, ...runs, ...runs]) {
      const lost = rows.commit(page({ epoch, rows: [row('o1')], run: sql => run(sql as TransactionSql) }))
      const found = lost.catch((error: unknown) => error)
      // Another transaction is under way, whose session must not be taken for the one that is gone.
      expect(await rows.commit(page({ ...other, from: position, to: ++position }))).toBeTrue()
      // What fails by itself before the loss is known is the page's.
      expect(String(await found)).toMatch(/^StoreError: PostgreSQL: |^PageRefused: /)
    }
    expect(await rows.get(orders, 'o1')).toEqual({ found: null, position: 0, parked: null, parkedStream: null })
    expect(await rows.serving('zombie')).toBeNull()
    expect(await rows.commit(page({ epoch, rows: [row('o1')], run: async () => {} }))).toBeTrue()
    await rows.drop('other')
  })
})

describe('a page of many rows', () => {
  test('a page of many rows is written whole, and nothing of it where the epoch or the checkpoint is another', async () => {
    for (const changed of [{ epoch: epoch + 1 }, { epoch, from: 1 }])
      expect(await rows.commit(page({ ...changed, rows: buildRows() }))).toBeFalse()
    expect(await rows.count(orders, [])).toEqual({ found: 0, position: 0, parked: null })
    expect(await rows.commit(page({ epoch, rows: buildRows() }))).toBeTrue()
    expect(await rows.count(orders, [])).toEqual({ found: 5_000, position: 10, parked: null })
  })

  test('a page of many rows is written in several statements where its data is large', async () => {
    const large = buildRows(8).map((one, i) => ({ ...one, data: JSON.stringify(`${i}`.repeat(600_000)) }))
    expect(await rows.commit(page({ epoch, rows: large }))).toBeTrue()
    expect((await rows.rows(orders, ['k000007']))[0]!.data).toBe(large[7]!.data)
  })

  test('a page of many rows leaves nothing where a statement fails, and takes no row with a line feed for two', async () => {
    for (const from of [buildRows(), buildRows(2)]) {
      const broken = from.map((one, i) => (i === from.length - 1 ? { ...one, data: '{\n}' } : one))
      await expect(rows.commit(page({ epoch, rows: broken }))).rejects.toThrow(PageRefused)
      expect(await rows.count(orders, [])).toEqual({ found: 0, position: 0, parked: null })
    }
  })

  test('a page of many rows lets its lease be prolonged while it is written, and another owner waits and gets nothing', async () => {
    const [running, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const run = async () => {
      running.resolve()
      await ended.promise
    }
    const commit = rows.commit(page({ epoch, rows: buildRows(), run }))
    await running.promise
    expect(await rows.renew('orders_v1', epoch, TTL_MS)).toBeTrue()
    await leaseOver()
    const other = rows.acquire('orders_v1', { owner: 'b', ttlMs: TTL_MS, start: 0 })
    await waitsForLock()
    ended.resolve()
    expect(await commit).toBeTrue()
    expect(await other).toBeNull()
  })
})

describe('pages and resets at once', () => {
  test('pages and resets at once wait for each other, and none is given up', async () => {
    const write = async (i: number) => {
      const owner = `o${i}`
      const lease = await rows.acquire('orders_v1', { owner: 'a', ttlMs: TTL_MS, start: 0 })
      const own = { epoch: lease!.epoch, from: lease!.position, to: lease!.position + 1 }
      return rows.commit(page({ ...own, rows: [row(owner), row('shared')] }))
    }
    for (let round = 0; round < 10; round++) {
      const all = Array.from({ length: 8 }, (_, i) => (i % 4 === 3 ? rows.reset('orders_v1', i).then(() => false) : write(i)))
      expect((await Promise.all(all)).length).toBe(8)
    }
    // The last word is had by one that nobody comes between.
    await rows.reset('orders_v1', 5)
    expect(await rows.count(orders, [])).toEqual({ found: 0, position: 5, parked: null })
  })
})

describe('an owner that stopped within its transaction', () => {
  test('an owner that stopped within its transaction is cut off after a quarter of its lease, and nothing of its page is written', async () => {
    const [running, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const run = async () => {
      running.resolve()
      await ended.promise
    }
    // It connects before the time of its page begins.
    expect(await rows.commit(page({ epoch: epoch + 1, run: async () => {} }))).toBeFalse()
    const zombie = rows.commit(page({ epoch, ttlMs: 2_000, rows: [row('zombie')], run })).catch((error: unknown) => error)
    await running.promise
    await leaseOver()
    const other = postgres(at.url, { schema: at.schema, migrate: false })
    await other.open()
    try {
      await other.readModel.prepare([orders])
      const lease = (await other.readModel.acquire('orders_v1', { owner: 'b', ttlMs: TTL_MS, start: 0 }))!
      expect(lease).toMatchObject({ position: 0, takeovers: 1 })
      ended.resolve()
      expect(await zombie).toMatchObject({ name: 'StoreError', reason: 'unknown' })
      expect(await other.readModel.commit(page({ epoch: lease.epoch, rows: [row('o1')] }))).toBeTrue()
      for (const late of [page({ epoch, rows: [row('zombie')] }), page({ epoch, from: 10, to: 20, rows: buildRows() })])
        expect(await rows.commit(late)).toBeFalse()
      expect((await rows.list(orders, { where: [], sort: [], after: null, limit: 9 })).found.map(({ key }) => key)).toEqual([
        'o1',
      ])
    } finally {
      await other.close()
    }
  })
})

describe("an application's role", () => {
  test("an application's role may do all that a read model does, and writes no events but by appending", async () => {
    const role = `rows_${at.schema}`
    await at.sql.unsafe(`create role ${role} login`)
    try {
      await at.sql.unsafe(`set search_path = ${at.schema}; select grant_app_v2('${role}')`).simple()
      const url = new URL(at.url)
      url.username = role
      const app = postgres(url.href, { schema: at.schema, migrate: false })
      await app.open()
      const model = app.readModel
      const mineTable = { ...orders, name: 'mine_v1' }
      await model.prepare([mineTable, orders])
      const lease = (await model.acquire('mine_v1', { owner: 'a', ttlMs: TTL_MS, start: 0 }))!
      const own = { name: 'mine_v1', epoch: lease.epoch }
      expect(
        await model.commit(page({ ...own, rows: [row('o1')], park: [{ kind: 'key', key: 'p', position: 1, cause: 'x' }] })),
      ).toBeTrue()
      expect(
        await model.commit(page({ ...own, from: 10, to: 20, rows: [{ ...row('a'), data: null }, ...buildRows()] })),
      ).toBeTrue()
      expect(await model.renew('mine_v1', lease.epoch, TTL_MS)).toBeTrue()
      expect(await model.suspect('mine_v1', lease.epoch, null)).toBeTrue()
      expect(await model.serve('mine', 'mine_v1')).toBeTrue()
      expect(await model.unpark('mine_v1')).toBe(1)
      expect((await model.count(mineTable, [])).found).toBe(5_001)
      await model.release('mine_v1', lease.epoch)
      // Also what another role made: `orders_v1` was made by the owner of the schema, after which the role was granted.
      expect(await model.commit(page({ epoch, rows: [row('o1')] }))).toBeTrue()
      await model.reset('mine_v1', 0)
      expect((await model.count(mineTable, [])).found).toBe(0)
      await rows.prepare([{ ...orders, name: 'later_v1' }])
      await model.prepare([{ ...orders, name: 'later_v1' }])
      const later = (await model.acquire('later_v1', { owner: 'a', ttlMs: TTL_MS, start: 0 }))!
      expect(await model.commit(page({ name: 'later_v1', epoch: later.epoch, rows: [row('o1')] }))).toBeTrue()
      for (const name of ['mine_v1', 'later_v1']) await model.drop(name)
      await app.close()
      const sql = createClient(url.href, { max: 1, onnotice: () => {} })
      for (const text of [
        'insert into events default values',
        'update events set data = data',
        'delete from row_tables',
        'create table mine (n integer)',
        `select grant_app_v2('${role}')`,
      ])
        await expect(sql.unsafe(`set search_path = ${at.schema}; ${text}`).simple().execute(), text).rejects.toThrow(
          'permission denied',
        )
      await sql.end()
    } finally {
      await at.sql.unsafe(`drop owned by ${role}; drop role ${role}`).simple()
    }
  })

  test('a role that could append before read models existed may write them from then on', async () => {
    const [old, role] = [await testSchema(), `old_${at.schema}`]
    const { migrate } = await import('./migrate.ts')
    const { migrations } = await import('./migrations.ts')
    await at.sql.unsafe(`create role ${role} login`)
    try {
      await migrate(old.sql, old.schema, migrations.slice(0, 6))
      await old.sql.unsafe(`set search_path = ${old.schema}; select grant_app_v1('${role}')`).simple()
      await migrate(old.sql, old.schema)
      const [found] = await old.sql`
        select has_table_privilege(${role}, ${`${old.schema}.checkpoints`}, 'insert') as rows, has_table_privilege(${role}, ${`${old.schema}.events`}, 'insert') as events`
      expect({ ...found }).toEqual({ rows: true, events: false })
    } finally {
      await at.sql.unsafe(`drop owned by ${role}; drop role ${role}`).simple()
      await old.drop()
    }
  })
})

describe('the database', () => {
  test('the database refuses names that would have to be quoted, whoever asks', async () => {
    for (const [name, field] of [
      ['a"b', 'f'],
      ['A', 'f'],
      ['a', 'f"; drop table events; --'],
      ['a', ''],
      ['', 'f'],
      ['x'.repeat(52), 'f'],
    ])
      await expect(
        at.sql.unsafe(`select ${at.schema}.prepare_v1($1, array[$2], '{text}')`, [name!, field!]).execute(),
      ).rejects.toThrow('no names of a table and its fields')
    expect(await rows.tables()).toEqual(['orders_v1'])
  })
})

async function acquireLease(name: string): Promise<number> {
  return (await rows.acquire(name, { owner: 'a', ttlMs: TTL_MS, start: 0 }))!.epoch
}

async function leaseOver(): Promise<void> {
  await at.sql`update ${at.sql(`${at.schema}.leases`)} set until = clock_timestamp() - interval '1 second' where name = 'orders_v1'`
}

async function waitsForLock(): Promise<void> {
  await until('somebody waits to acquire', async () => {
    const found =
      await at.sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like ${`%${at.schema}.acquire_v3%`}`
    return found.length > 0
  })
}
