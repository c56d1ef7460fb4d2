// Connections by a URL: through a socket, by IPv6, to one of several hosts, with odd names, and with TLS.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type ListenOptions, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import createClient, { type Sql } from 'postgres'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { until } from '../../test-support/servers/until.ts'
import { connect } from './pool.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-url-'))
let url: string
let sql: Sql
beforeAll(async () => {
  url = (await testPostgres()).url
  sql = createClient(url, { max: 1, onnotice: () => {}, fetch_types: false })
})
afterAll(async () => {
  await sql.end()
  rmSync(folder, { recursive: true })
})

/** Connects with a URL, and gives who and where it is. */
async function whoAt(text: string): Promise<unknown> {
  const client = connect(text, { max: 1, prepare: false, session: {}, connectTimeoutMs: 60_000 })
  try {
    const [found] = await client`select current_user as who, current_database() as at,
      coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as ssl`
    return { ...found }
  } finally {
    await client.end({ timeout: 1 })
  }
}

/** Listens elsewhere, and passes all on to the server. */
async function listenFor(where: ListenOptions): Promise<Server> {
  const { hostname: host, port } = new URL(url)
  const server = createServer(client => {
    const there = createConnection({ host, port: Number(port) })
    client.pipe(there).pipe(client)
    for (const socket of [client, there]) socket.on('error', () => {})
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.on('error', reject).listen(where, resolve)
  await promise
  return server
}

describe('a connection', () => {
  let listening: Server | null = null
  afterEach(() => listening?.close())

  test('a connection takes the names of a role and a database that have to be encoded', async () => {
    const [role, database] = ['who@/?#%', 'my db/é%']
    await sql.unsafe(`create role "${role}" login superuser`)
    await sql.unsafe(`create database "${database}"`)
    const { host } = new URL(url)
    expect(await whoAt(`postgres://${encodeURIComponent(role)}:p%25@${host}/${encodeURIComponent(database)}`)).toMatchObject({
      who: role,
      at: database,
    })
    await sql.unsafe(`drop database "${database}" with (force)`)
    await sql.unsafe(`drop role "${role}"`)
  })

  test('a connection leads through a socket, and to an IPv6 address', async () => {
    listening = await listenFor({ path: join(folder, '.s.PGSQL.5432') })
    expect(await whoAt(`postgres://postgres@/postgres?host=${folder}`)).toMatchObject({ who: 'postgres' })
    listening.close()
    try {
      listening = await listenFor({ host: '::1', port: 0 })
    } catch {
      return console.log('an IPv6 address is not tried: this machine has none')
    }
    const { port } = listening.address() as { readonly port: number }
    expect(await whoAt(`postgres://postgres@[::1]:${port}/postgres`)).toMatchObject({ who: 'postgres' })
  })

  test('a connection leads to the one of several hosts that takes writes', async () => {
    const { host } = new URL(url)
    expect(await whoAt(`postgres://postgres@127.0.0.1:1,${host}/postgres`)).toMatchObject({ who: 'postgres' })
  })
})

const canSign = Bun.which('openssl') !== null
if (!canSign) console.log('TLS is not tried: there is no openssl to make certificates')

describe.skipIf(!canSign)('a connection with TLS', () => {
  const pem = (name: string) => join(folder, `${name}.pem`)
  /** A certificate of its own for a name. */
  const sign = (name: string, host: string) =>
    Bun.spawnSync(
      [
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=t',
      ].concat(['-addext', `subjectAltName=${host}`, '-keyout', pem(`${name}-key`), '-out', pem(name)]),
      { stderr: 'ignore' },
    )
  const at = (query: string, host = '127.0.0.1') => {
    const { port } = new URL(url)
    return `postgres://postgres@${host}:${port}/postgres?${query}`
  }
  const setTls = async (name: string | null) => {
    const [place] = await sql`show data_directory`
    const { uid, gid } = statSync(place!['data_directory'] as string)
    for (const [file, from] of name === null
      ? []
      : ([
          ['tls.crt', name],
          ['tls.key', `${name}-key`],
        ] as const)) {
      const path = join(place!['data_directory'] as string, file)
      copyFileSync(pem(from), path)
      chownSync(path, uid, gid)
      chmodSync(path, 0o600)
    }
    await sql`alter system set ssl_cert_file = 'tls.crt'`
    await sql`alter system set ssl_key_file = 'tls.key'`
    await sql.unsafe(`alter system set ssl = ${name === null ? 'off' : 'on'}`)
    await sql`select pg_reload_conf()`
    await until('the server has read it', async () => (await sql`show ssl`)[0]!['ssl'] === (name === null ? 'off' : 'on'))
  }
  beforeAll(async () => {
    sign('right', 'IP:127.0.0.1')
    sign('other', 'IP:127.0.0.1')
    writeFileSync(pem('both'), '')
    await setTls('right')
  })
  afterAll(() => setTls(null))

  const rootOf = (name: string) => name && `&sslrootcert=${pem(name)}`
  const secure = { who: 'postgres', ssl: true }

  test.each([
    ['sslmode=require', ''],
    ['sslmode=prefer', ''],
    ['sslmode=verify-ca', 'right'],
    ['sslmode=verify-full', 'right'],
    ['ssl=true', 'right'],
  ])('a connection with %s is encrypted', async (query, root) => {
    expect(await whoAt(at(`${query}${rootOf(root)}`))).toMatchObject(secure)
  })

  test.each([
    ['sslmode=verify-full', ''],
    ['sslmode=verify-ca', ''],
    ['sslmode=verify-full', 'other'],
    ['sslmode=require', 'other'],
    ['sslrootcert=system', ''],
  ])('a connection with %s and the root %s is refused where nobody it trusts has signed the certificate', async (query, root) => {
    expect(String(await whoAt(at(`${query}${rootOf(root)}`)).catch((error: Error) => error))).toMatch(/certificate|self.signed/i)
  })

  test('a connection with verify-full is refused where the certificate is for another name, and verify-ca takes it', async () => {
    const query = `sslrootcert=${pem('right')}`
    const refusal = await whoAt(at(`sslmode=verify-full&${query}`, 'localhost')).catch((error: Error) => error)
    expect(String(refusal)).toMatch(/altname|does not match|hostname/i)
    expect(await whoAt(at(`sslmode=verify-ca&${query}`, 'localhost'))).toMatchObject(secure)
  })
})
