// URLs as providers give them: each works, or is refused by name with what to write instead.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type ListenOptions, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import createClient, { type Sql } from 'postgres'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { until } from '../../test-support/servers/until.ts'
import { connect } from './pool.ts'
import { addressOf, urlProblem } from './url.ts'

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

const local = { host: ['localhost'], port: [5432], ssl: false, session: {} }
const read: Readonly<Record<string, object>> = {
  'postgres://': local,
  'postgresql://me@/shop': { ...local, user: 'me', database: 'shop' },
  'postgres://me:secret@db:5433/shop': { host: ['db'], port: [5433], user: 'me', pass: 'secret', database: 'shop' },
  'postgres://a%40b:p%3A%2F%3F%23%25%20@db/my%20db%2F%C3%A9': { user: 'a@b', pass: 'p:/?#% ', database: 'my db/é' },
  'postgres://me:a:b@db/shop': { user: 'me', pass: 'a:b' },
  'postgres://[::1]:5433/shop': { host: ['::1'], port: [5433] },
  'postgres://[fe80::1%25eth0]/shop': { host: ['fe80::1%eth0'], port: [5432] },
  'postgres:///shop?host=/var/run/postgresql': { path: '/var/run/postgresql/.s.PGSQL.5432', ssl: false, database: 'shop' },
  'postgres:///shop?host=/run/pg&port=5433&sslmode=require': { path: '/run/pg/.s.PGSQL.5433', ssl: false },
  'postgres://%2Fvar%2Frun%2Fpostgresql/shop': { path: '/var/run/postgresql/.s.PGSQL.5432' },
  'postgres://db/?host=::1&port=5433&user=you&password=p%26&dbname=other': {
    ...{ host: ['::1'], port: [5433], user: 'you', pass: 'p&', database: 'other' },
  },
  'postgres://a:1,b:2,c/shop': { host: ['a', 'b', 'c'], port: [1, 2, 5432], target_session_attrs: 'read-write' },
  'postgres://db/shop?host=a,b&port=1,2&target_session_attrs=primary': { host: ['a', 'b'], port: [1, 2] },
  'postgres://db/shop?sslmode=disable': { ssl: false },
  'postgres://db/shop?sslmode=prefer': { ssl: 'prefer' },
  'postgres://db/shop?sslmode=require&channel_binding=prefer&sslnegotiation=direct': {
    ...{ ssl: { rejectUnauthorized: false }, sslnegotiation: 'direct' },
  },
  'postgres://db/shop?sslmode=verify-ca': { ssl: { rejectUnauthorized: true } },
  'postgres://db/shop?ssl=true': { ssl: { rejectUnauthorized: true } },
  'postgres://db/shop?sslrootcert=system': { ssl: { rejectUnauthorized: true } },
  'postgres://db/shop?connect_timeout=7&application_name=shop%20app&options=-c%20geqo%3Doff': {
    ...{ connectTimeoutMs: 7_000, session: { application_name: 'shop app', options: '-c geqo=off' } },
  },
}

const refused: Readonly<Record<string, string>> = {
  'mysql://db/shop': 'expected postgres://',
  'postgres://me:p/w@db/shop': 'write / as %2F',
  'postgres://me:p?w@db/shop': 'write / as %2F, ? as %3F',
  'postgres://me:100%@db/shop': 'the password has a % that encodes nothing: write % as %25',
  'postgres://m%e@db/shop': 'the user has a % that encodes nothing',
  'postgres://::1/shop': 'an IPv6 address stands in brackets: [::1]',
  'postgres://db:99999/shop': 'a port has to be from 1 to 65535',
  'postgres://db:port/shop': 'a host has to be a name or an address',
  'postgres:///shop?host=/run/pg,db': 'a socket cannot be one of several hosts',
  'postgres://db/shop?sslmode=no-verify': 'sslmode has to be one of disable, allow, prefer, require, verify-ca, verify-full',
  'postgres://db/shop?channel_binding=require': 'sslmode=verify-full proves who the server is',
  'postgres://db/shop?gssencmode=require': 'GSSAPI is not spoken',
  'postgres://db/shop?target_session_attrs=standby': 'target_session_attrs has to be read-write: Emaki writes',
  'postgres://db/shop?sslrootcert=/nowhere/root.pem': 'sslrootcert names a file that cannot be read: /nowhere/root.pem',
  'postgres://db/shop?sslmode=verify-full&sslkey=/nowhere/key.pem': 'sslkey names a file that cannot be read',
  'postgres://db/shop?schema=mine': 'the parameter schema cannot be used: set DATABASE_SCHEMA',
  'postgres://db/shop?pgbouncer=true': 'the parameter pgbouncer cannot be used: remove it: a pooler is found out',
  'postgres://db/shop?supa=base-pooler': 'the parameter supa cannot be used: remove it',
  'postgres://db/shop?service=mine': 'the parameter service cannot be used',
}

describe('a URL of PostgreSQL', () => {
  test.each(Object.entries(read))('the URL %s is read', (text, expected) => {
    expect(urlProblem(text)).toBeNull()
    expect(addressOf(text)).toMatchObject(expected)
  })

  test.each(Object.entries(refused))('the URL %s is refused, with what to write instead', (text, expected) => {
    expect(urlProblem(text)).toContain(expected)
  })

  test('a URL that is refused shows no password', () => {
    for (const text of [
      'postgres://me:ab/zz@db',
      'postgres://me:ab?zz@db/x',
      'postgres://me:zz%@db/x',
      'postgres://me:zz@db/x?bad=1',
    ])
      expect([text, urlProblem(text)!.includes('zz')]).toEqual([text, false])
  })
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
