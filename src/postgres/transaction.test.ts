// postgres.js writes to the socket of a connection that is lost in a transaction, which ends the process. Here it has to live on.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Sql, TransactionSql } from 'postgres'
import { postgres } from './store.ts'
import { type Store, StoreError } from '../store/store.ts'
import { type TestSchema, testSchema } from '../testing/schema.ts'
import { startProxy } from '../testing/servers/proxy.ts'
import { until } from '../testing/servers/until.ts'

let at: TestSchema
let store: Store
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema })
  await store.open()
})
afterAll(async () => {
  await store.close()
  await at.drop()
})

let taken = 0
/** Commits a page that runs something, and gives what it was told. */
async function committed(run: (tx: TransactionSql) => unknown): Promise<unknown> {
  const name = `s${taken++}`
  const lease = await store.readModel.acquire(name, { owner: 'me', ttlMs: 60_000, start: 0 })
  const page = { name, epoch: lease!.epoch, from: 0, to: 1, ttlMs: 60_000, rows: [], park: [], unpark: [] }
  const told = await store.readModel.commit({ ...page, run: sql => run(sql as TransactionSql) }).catch(error => error)
  const [progress] = await store.readModel.progress([name])
  expect(progress!.position).toBe(told === true ? 1 : 0)
  return told
}

/** Ends the session of a transaction, and waits until it is gone. */
async function ended(sql: Sql, tx: TransactionSql): Promise<void> {
  const [found] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
  await sql`select pg_terminate_backend(${found!.pid})`
  await until('it is gone', async () => (await sql`select from pg_stat_activity where pid = ${found!.pid}`).length === 0)
  // By then it is on its way to us.
  for (let i = 0; i < 10; i++) await sql`select 1`
}

test('a session that ends in between two statements fails its page and nothing else', async () => {
  expect(
    await committed(async tx => {
      await ended(at.sql, tx)
      await tx`select 1`
    }),
  ).toBeInstanceOf(StoreError)
  expect(await committed(tx => tx`select 1`)).toBeTrue()
})

test('so does one that ends while nothing is asked of it', async () => {
  expect(await committed(tx => ended(at.sql, tx))).toBeInstanceOf(StoreError)
  expect(await committed(tx => tx`select 1`)).toBeTrue()
})

test('so does one whose end is passed over by what runs in it', async () => {
  const told: unknown[] = []
  expect(
    await committed(async tx => {
      const [found] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
      await Promise.all([tx`select pg_sleep(5)`.catch(() => {}), at.sql`select pg_terminate_backend(${found!.pid})`])
      for (let i = 0; i < 3; i++) await tx`select 1`.catch((error: unknown) => void told.push(error))
    }),
  ).toBeInstanceOf(StoreError)
  expect(await committed(tx => tx`select 1`)).toBeTrue()
})

test('so does one that ends where what runs in it throws something else', async () => {
  const told = await committed(async tx => {
    await ended(at.sql, tx)
    throw new Error('something else')
  })
  expect(told).toBeInstanceOf(Error)
  expect(await committed(tx => tx`select 1`)).toBeTrue()
})

test('a statement that fails on its way out is thrown, and its transaction ended', async () => {
  // A value that no statement can carry.
  expect(await committed(tx => tx`select ${undefined as never}`)).toMatchObject({ code: 'UNDEFINED_VALUE' })
  expect(await committed(tx => tx`select ${tx(['nowhere'])} from nothing`)).toMatchObject({ code: '42P01' })
  expect(await committed(tx => tx.unsafe('select 1 / 0'))).toMatchObject({ code: '22012' })
  expect(await committed(tx => tx.savepoint(inner => inner`select 1`))).toBeTrue()
})

for (const [what, run] of [
  ['a statement', null],
  ['a transaction', (sql: unknown) => (sql as TransactionSql)`select 1`],
] as const) {
  test(`a page whose answer is lost is unknown within the deadline, as ${what}`, async () => {
    const { hostname, port } = new URL(at.url)
    using proxy = startProxy({ host: hostname, port: Number(port) })
    const far = postgres(proxy.url(at.url), { schema: at.schema, deadlineMs: 400, lockTimeoutMs: 200 })
    await far.open()
    const lease = await far.readModel.acquire(what, { owner: 'me', ttlMs: 60_000, start: 0 })
    const page = { name: what, epoch: lease!.epoch, from: 0, to: 1, ttlMs: 60_000, rows: [], park: [], unpark: [] }
    proxy.onServerData(bytes =>
      ['COMMIT\0', 'SELECT 1\0Z\0\0\0\x05I'].some(end => Buffer.from(bytes).includes(end)) ? 'drop' : 'forward',
    )
    expect(await far.readModel.commit(run ? { ...page, run } : page).catch(error => error)).toMatchObject({ reason: 'unknown' })
    expect((await store.readModel.progress([what]))[0]?.position).toBe(1)
    proxy.stop()
    await far.close()
  })
}

test('a client that stops in the middle of a statement, and not in between two, is followed by another in time', async () => {
  const [found] = await at.sql<{ is: string | null }[]>`select current_setting('transaction_timeout', true) as is`
  if (found!.is === null) return console.warn('Not tried: this PostgreSQL has no transaction_timeout.')
  const { hostname, port } = new URL(at.url)
  using proxy = startProxy({ host: hostname, port: Number(port) })
  const far = postgres(proxy.url(at.url), { schema: at.schema })
  await far.open()
  const lease = await far.readModel.acquire('stopped', { owner: 'far', ttlMs: 400, start: 0 })
  const page = { name: 'stopped', epoch: lease!.epoch, from: 0, to: 1, ttlMs: 400, rows: [], park: [], unpark: [] }
  // A statement that is new is described before it is run: that is the last that the server hears of it.
  const described = () => {
    proxy.swallow(true, 'toServer')
    return 'forward' as const
  }
  const run = (sql: unknown) => {
    proxy.onServerData(described)
    return (sql as TransactionSql).unsafe('select $1::integer as fresh', [1])
  }
  const told = far.readModel.commit({ ...page, run }).catch(error => error)
  await until('another has taken over', async () => {
    const next = await store.readModel.acquire('stopped', { owner: 'near', ttlMs: 60_000, start: 0 }).catch(() => null)
    return next?.position === 0
  })
  proxy.stop()
  expect(await told).toBeInstanceOf(StoreError)
  await far.close()
})
