// What a database is, found at the start and again on each new connection.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import createClient, { type Sql } from 'postgres'
import type { Store } from '../../ports/store/store.ts'
import { runtime } from '../../runtime.ts'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { Pool } from './pool.ts'
import { Proof, readPlace } from './proof.ts'
import { postgres } from './store.ts'
import { Transactions } from './transactions.ts'

let server: string
let url: string
let sql: Sql
let database: string
let store: Store
beforeAll(async () => {
  const testing = await testPostgres()
  server = testing.url
  url = await testing.createDatabase('proof')
  database = new URL(url).pathname.slice(1)
  sql = createClient(url, { max: 1, onnotice: () => {}, fetch_types: false })
})
afterAll(() => sql.end())
beforeEach(async () => {
  store = postgres(url, { readers: 1 })
  await store.open()
  await store.append([unit()])
})
afterEach(() => store.close())

const unit = () => ({
  slices: [
    {
      stream: 's-1',
      expect: 'any' as const,
      events: [{ id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '{}', meta: '{}' }],
    },
  ],
  keys: [],
})

/** Cuts all connections of the store, as a failover does. */
async function cutConnections(): Promise<void> {
  await sql`select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = ${database} and pid <> pg_backend_pid()`
}

/** What comes of an append, or of a check, once the connections that were cut have been noticed. */
async function attempt(call: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!/CONNECTION_|57P01|ECONN/.test(String(error))) return error
    }
  }
}
const append = () => attempt(() => store.append([unit()]))

describe('a database that is read-only', () => {
  const setReadOnly = (mode: 'on' | 'off') =>
    sql.unsafe(`alter database "${database}" set default_transaction_read_only = ${mode}`)
  afterEach(async () => {
    await sql.begin('read write', tx => tx.unsafe(`alter database "${database}" reset default_transaction_read_only`))
  })
  const readOnly = { name: 'StoreError', reason: 'unavailable', shown: 'the database is read-only' }

  test('a database that becomes read-only takes no appends and is not ready, and is both again after', async () => {
    await setReadOnly('on')
    await cutConnections()
    expect(await append()).toMatchObject(readOnly)
    expect(await attempt(() => store.ping())).toMatchObject(readOnly)
    expect(await attempt(() => store.head())).toBeGreaterThan(0)
    await setReadOnly('off')
    await cutConnections()
    expect(await append()).toMatchObject([{ outcome: 'appended' }])
    await store.ping()
  })

  test('a database that is read-only at the start is not opened, for now', async () => {
    await setReadOnly('on')
    await expect(postgres(url).open()).rejects.toMatchObject(readOnly)
  })
})

describe('a role of an older release', () => {
  test.each([1, 2])('a role of grant_app_v%s is told what it lacks, and the statement that mends it', async version => {
    const role = `it's ${version}`
    await sql
      .unsafe(`create role "${role}" login; set search_path = emaki; select grant_app_v${version}('${role.replace("'", "''")}')`)
      .simple()
    const own = new URL(url)
    own.username = encodeURIComponent(role)
    const app = postgres(own.href, { migrate: false })
    try {
      await app.open()
      const error = (await app.ping().catch((error: unknown) => error)) as { message: string }
      expect(error).toMatchObject({ name: 'StoreError', reason: 'unavailable', shown: expect.stringContaining('insert agenda') })
      await expect(runtime({ serve: [], store: postgres(own.href, { migrate: false }) })).rejects.toThrow('lacks rights')
      await sql.unsafe(/set search_path = .*/.exec(error.message)![0]).simple()
      await app.ping()
    } finally {
      await app.close()
      await sql.unsafe(`drop owned by "${role}"; drop role "${role}"`).simple()
    }
  })
})

describe('a log that was restored elsewhere', () => {
  test('a copy of a log in another database is not served until it has an epoch of its own', async () => {
    const copy = `${database}_copy`
    const { id, epoch } = store.identity
    await store.close()
    await sql.end()
    const other = createClient(server, { max: 1, onnotice: () => {} })
    await other.unsafe(`create database "${copy}" template "${database}"`)
    await other.end()
    sql = createClient(url, { max: 1, onnotice: () => {}, fetch_types: false })
    const place = new URL(url)
    place.pathname = `/${copy}`
    const restored = postgres(place.href)
    await restored.open()
    expect(restored.identity).toEqual({ id, epoch, restoredFrom: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    await expect(runtime({ serve: [], store: postgres(place.href) })).rejects.toMatchObject({
      reason: 'refused',
      message: expect.stringContaining('run `emaki restore`'),
      shown: 'the log was restored from a dump of another database',
    })
    await restored.beginEpoch()
    expect(restored.identity).toEqual({ id, epoch: epoch + 1 })
    await restored.close()
    await (await runtime({ serve: [], store: postgres(place.href) })).close()
    // The one that it was made of goes on.
    await store.open()
    expect(store.identity).toEqual({ id, epoch })
  })
})

describe('another server behind the same URL', () => {
  test('connections that were cut lead to the same log again', async () => {
    await cutConnections()
    expect(await append()).toMatchObject([{ outcome: 'appended' }])
    expect(await attempt(() => store.head())).toBeGreaterThan(1)
  })

  test('another log is neither read nor written', async () => {
    await sql.unsafe('alter schema emaki rename to emaki_away')
    const other = postgres(url)
    await other.open()
    await cutConnections()
    const another = { reason: 'unavailable', shown: 'the database is another one than at the start, or its log was restored' }
    expect(await append()).toMatchObject(another)
    expect(await attempt(() => store.head())).toMatchObject(another)
    expect(await attempt(() => store.readModel.acquire('a_v1', { owner: 'o', ttlMs: 1_000, start: 0 }))).toMatchObject(another)
    expect(await attempt(() => other.head())).toBe(0)
    await other.close()
    await sql.unsafe('drop schema emaki cascade; alter schema emaki_away rename to emaki').simple()
    expect(await append()).toMatchObject([{ outcome: 'appended' }])
  })

  test('a log that lacks what was answered takes no more appends, as it would use positions twice', async () => {
    const head = await store.head()
    await sql
      .unsafe(`begin; set local session_replication_role = replica; delete from emaki.events where position = ${head}; commit`)
      .simple()
    await cutConnections()
    const shown = `the database has lost events: it ends at ${head - 1}, and ${head} was answered`
    expect(await append()).toMatchObject({ reason: 'unavailable', shown })
    expect(await attempt(() => store.ping())).toMatchObject({ reason: 'unavailable', shown })
  })

  test('a server whose locks no longer exclude takes no more appends', async () => {
    const options = { max: 1, prepare: false, session: {}, deadlineMs: 60_000, connectTimeoutMs: 60_000 }
    const transactions = new Transactions(url, options)
    const reader = new Pool(url, options)
    // Whoever asks gets the lock.
    const sharing = { run: () => Promise.resolve([{ got: true }]) } as unknown as Pool
    const proof = new Proof('emaki', 0)
    proof.expect(await readPlace(sql, 'emaki'))
    await proof.checkWriter(sql, { transactions, reader })
    await expect(proof.checkWriter(sql, { transactions, reader: sharing })).rejects.toMatchObject({
      reason: 'unavailable',
      shown: 'advisory locks do not exclude on this database any more',
    })
    await Promise.all([transactions.close(), reader.close()])
  })
})
