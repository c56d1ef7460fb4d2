// URLs as providers give them: each is read, or is refused by name with what to write instead. url.long.test.ts connects.
import { describe, expect, test } from 'bun:test'
import { addressOf, urlProblem } from './url.ts'

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
