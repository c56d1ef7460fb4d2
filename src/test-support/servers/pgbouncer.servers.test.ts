import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import postgres from 'postgres'
import { ensureDebian } from './debian.ts'
import { type Pgbouncer, startPgbouncer } from './pgbouncer.ts'
import { testPostgres } from './postgres.ts'

const installTimeoutMs = 120_000
const hadPolicy = existsSync('/usr/sbin/policy-rc.d')

let url: string
let pgbouncer: Pgbouncer

beforeAll(async () => {
  url = await (await testPostgres()).createDatabase('pgbouncer')
  pgbouncer = await startPgbouncer(url, { poolMode: 'transaction', settings: { default_pool_size: 1 } })
}, installTimeoutMs)
afterAll(() => pgbouncer.stop())

test('PgBouncer answers queries', async () => {
  const sql = client()
  expect(await sql`select current_database() as name`).toMatchObject([{ name: new URL(url).pathname.slice(1) }])
  await sql.end()
})

test('PgBouncer shares one server connection between clients, from transaction to transaction', async () => {
  const clients = [client(), client(), client()]
  const pids = await Promise.all(clients.map(sql => sql`select pg_backend_pid() as pid`))
  expect(new Set(pids.map(([row]) => row?.['pid'])).size).toBe(1)
  await Promise.all(clients.map(sql => sql.end()))
})

test('PgBouncer makes a transaction wait for the one that holds the connection', async () => {
  const [first, second] = [client(), client()]
  const order: string[] = []
  await first.begin(async tx => {
    await tx`select 1`
    second`select 1`.then(() => order.push('second'))
    await tx`select 2`
    order.push('first')
  })
  await second`select 1`
  expect(order).toEqual(['first', 'second'])
  await Promise.all([first.end(), second.end()])
})

test('PgBouncer refuses start-up parameters, as it does by default in production', async () => {
  const sql = client({ connection: { statement_timeout: 1_000 } })
  await expect(sql`select 1`.execute()).rejects.toThrow(/unsupported startup parameter: statement_timeout/)
  await sql.end()
})

test('PgBouncer shows its log when it cannot start', async () => {
  const start = startPgbouncer(url, { poolMode: 'transaction', settings: { pool_mode: 'unheard of' } })
  await expect(start).rejects.toThrow(/ended while it started.*pool_mode/s)
})

test('PgBouncer refuses connections after stop', async () => {
  const other = await startPgbouncer(url, { poolMode: 'session' })
  await other.stop()
  const sql = postgres(other.url, { max: 1 })
  await expect(sql`select 1`.execute()).rejects.toThrow(/ECONNREFUSED/)
  await sql.end({ timeout: 0 })
})

test('PgBouncer leaves no service policy behind that was not there', async () => {
  await ensureDebian(['pgbouncer'])
  expect(existsSync('/usr/sbin/policy-rc.d')).toBe(hadPolicy)
})

test(
  'PgBouncer names the packages that cannot be installed',
  async () => {
    await expect(ensureDebian(['no-such-package-emaki'])).rejects.toThrow(/no-such-package-emaki/)
  },
  installTimeoutMs,
)

function client(options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  return postgres(pgbouncer.url, { max: 1, prepare: false, fetch_types: false, ...options })
}
