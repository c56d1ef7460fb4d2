import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, printConfig, readConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** What is wrong with an environment, as it is told. */
const readRefusal = (environment: Record<string, string>): string => {
  try {
    readConfig(environment)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  throw new Error('it was taken')
}

describe('readConfig()', () => {
  test('readConfig() serves a file on port 3000 where nothing is set', () => {
    expect(readConfig({})).toEqual({
      PORT: 3_000,
      HOST: '0.0.0.0',
      NODE_ENV: 'development',
      SQLITE_FILE: 'data/emaki.db',
      DATABASE_SCHEMA: 'emaki',
      DB_PORT: 5_432,
      DB_NAME: 'postgres',
      DB_USER: 'postgres',
      LOG_LEVEL: 'info',
      MIGRATE: true,
      LEASE_MS: 5_000,
      SERVE_UNREADABLE_EVENTS: false,
      REFUSALS: true,
      SHUTDOWN_DELAY_MS: 0,
      SHUTDOWN_GRACE_MS: 8_000,
      METRICS_PUBLIC: false,
    })
  })

  test('readConfig() takes what is set, and an empty variable as one that is not set', () => {
    const url = 'postgres://u:p@db:5433/shop?sslmode=require'
    const environment = {
      PORT: '0',
      DATABASE_URL: url,
      MIGRATE: 'false',
      DATABASE_POOLER: '1',
      HOST: '',
      LOG_LEVEL: '',
      UNKNOWN: 'x',
    }
    expect(readConfig(environment)).toMatchObject({
      PORT: 0,
      DATABASE_URL: url,
      MIGRATE: false,
      LEASE_MS: 5_000,
      SERVE_UNREADABLE_EVENTS: false,
      DATABASE_POOLER: true,
      HOST: '0.0.0.0',
      LOG_LEVEL: 'info',
    })
    expect(readConfig(environment)).not.toHaveProperty('UNKNOWN')
  })

  test('readConfig() reads the value of NAME from the file that NAME_FILE names, without the line feed at its end', () => {
    const environment = {
      DATABASE_URL_FILE: file('url', 'postgres://u:p@db/shop\n'),
      ADMIN_TOKEN_FILE: file('token', 'a-token-of-twenty-one\r\n'),
    }
    expect(readConfig(environment)).toMatchObject({
      DATABASE_URL: 'postgres://u:p@db/shop',
      ADMIN_TOKEN: 'a-token-of-twenty-one',
    })
    expect(readConfig({ PORT: '1', PORT_FILE: file('port', '2') }).PORT).toBe(1)
  })

  test('readConfig() does not take SQLITE_FILE for the file that holds SQLITE', () => {
    expect(readConfig({ SQLITE_FILE: 'my.db' }).SQLITE_FILE).toBe('my.db')
    expect(readConfig({ SQLITE_FILE_FILE: file('sqlite', 'other.db') }).SQLITE_FILE).toBe('other.db')
  })

  test.each([
    [{ DB_HOST: 'db' }, 'postgres://postgres@db:5432/postgres'],
    [{ DB_HOST: 'db', DB_PORT: '6432', DB_NAME: 'shop', DB_USER: 'ada', DB_PASSWORD: 'x' }, 'postgres://ada:x@db:6432/shop'],
    [{ DB_HOST: '::1' }, 'postgres://postgres@[::1]:5432/postgres'],
    [{ DB_HOST: '10.0.0.1', DB_NAME: 'a/b ü' }, 'postgres://postgres@10.0.0.1:5432/a%2Fb%20%C3%BC'],
    [{ DB_HOST: '/run/pg' }, 'postgres://postgres@/postgres?host=%2Frun%2Fpg&port=5432'],
    [{ DB_HOST: 'db', DB_SSLMODE: 'verify-full' }, 'postgres://postgres@db:5432/postgres?sslmode=verify-full'],
    [{ DB_HOST: 'db', DB_SSLROOTCERT: 'system' }, 'postgres://postgres@db:5432/postgres?sslrootcert=system'],
  ])('readConfig() makes a URL of %j', (environment, url) => {
    expect(readConfig(environment).DATABASE_URL).toBe(url)
  })

  test('readConfig() makes a URL that gives back a user and a password of any characters', () => {
    const DB_PASSWORD = `p@ss:/?#[]%2F ü"'$`
    const url = new URL(
      readConfig({ DB_HOST: 'db', DB_USER: 'u@x:y', DB_PASSWORD_FILE: file('password', `${DB_PASSWORD}\n`) }).DATABASE_URL!,
    )
    expect([url.hostname, decodeURIComponent(url.username), decodeURIComponent(url.password)]).toEqual([
      'db',
      'u@x:y',
      DB_PASSWORD,
    ])
  })

  test('readConfig() prefers DATABASE_URL to its parts', () => {
    expect(readConfig({ DATABASE_URL: 'postgres://a/b', DB_HOST: 'db' }).DATABASE_URL).toBe('postgres://a/b')
  })

  test('readConfig() waits five seconds before it stops under Kubernetes, unless another time is set', () => {
    const KUBERNETES_SERVICE_HOST = '10.0.0.1'
    expect(readConfig({ KUBERNETES_SERVICE_HOST }).SHUTDOWN_DELAY_MS).toBe(5_000)
    expect(readConfig({ KUBERNETES_SERVICE_HOST, SHUTDOWN_DELAY_MS: '0' }).SHUTDOWN_DELAY_MS).toBe(0)
  })
})

describe('a value that does not fit', () => {
  test.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '1.5'],
    ['PORT', ' '],
    ['DB_PORT', 'x'],
    ['DATABASE_URL', 'mysql://db/shop'],
    ['DATABASE_URL', 'db'],
    ['DATABASE_DIRECT_URL', 'http://db'],
    ['DATABASE_POOLER', 'maybe'],
    ['DATABASE_SCHEMA', 'Drop table'],
    ['DATABASE_SCHEMA', 'x'.repeat(49)],
    ['DB_HOST', 'a b'],
    ['DB_SSLMODE', 'on'],
    ['DATABASE_URL', 'postgres://db/shop?channel_binding=require'],
    ['DATABASE_DIRECT_URL', 'postgres://::1/shop'],
    ['REDIS_URL', 'http://redis'],
    ['ADMIN_TOKEN', 'short'],
    ['ADMIN_TOKEN', 'a token of many words'],
    ['ADMIN_TOKEN', 'a-token-with-a-ü-in-it'],
    ['ADMIN_TOKEN', 'a-token=with-an-equals'],
    ['LOG_LEVEL', 'loud'],
    ['MIGRATE', 'yes'],
    ['SHUTDOWN_DELAY_MS', '60001'],
    ['SHUTDOWN_GRACE_MS', '600001'],
    ['SHUTDOWN_DELAY_MS', 'soon'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ])('a value that does not fit is refused, and named: %s=%s', (name, value) => {
    const table = readRefusal({ [name]: value })
    expect(table.split('\n')).toHaveLength(3)
    expect(table).toStartWith('The configuration cannot be used:\n  NAME')
    expect(table.split('\n')[2]).toStartWith(`  ${name} `)
    if (name !== 'ADMIN_TOKEN') expect(table).toContain(value)
  })

  test.each([
    [{ DB_HOST: 'db', DB_SSL: 'true' }, 'DB_SSL', 'expected one of DB_SSLMODE, DB_SSLROOTCERT, DB_SSLCERT, DB_SSLKEY'],
    [{ DB_SSL_CA: '/root.pem' }, 'DB_SSL_CA', 'expected one of DB_SSLMODE'],
    [
      { DATABASE_URL: 'postgres://db/shop', DB_SSLMODE: 'require' },
      'DB_SSLMODE',
      'expected sslmode and the others in DATABASE_URL',
    ],
    [{ DB_HOST: 'db', DB_SSLROOTCERT: '/nowhere/ca.pem' }, 'DB_*', 'names a file that cannot be read: /nowhere/ca.pem'],
  ])('a setting of TLS that would be passed over is refused: %j', (environment, name, expected) => {
    const [, , row] = readRefusal(environment as Record<string, string>).split('\n')
    expect(row).toStartWith(`  ${name} `)
    expect(row).toContain(expected)
  })

  test('a value that does not fit is shown in one table with all others, their columns in line', () => {
    const table = readRefusal({ PORT: 'x', LOG_LEVEL: 'loud', DATABASE_URL_FILE: join(folder, 'nowhere') })
    const [head, names, ...rows] = table.split('\n')
    expect(head).toBe('The configuration cannot be used:')
    expect(rows.map(row => row.split(/ {2,}/)[1]).sort()).toEqual(['DATABASE_URL_FILE', 'LOG_LEVEL', 'PORT'])
    const columns = ['FOUND', 'EXPECTED'].map(name => names!.indexOf(name))
    for (const row of rows) for (const column of columns) expect(row.slice(column - 2, column + 1)).toMatch(/^ {2}\S$/)
  })

  test('a value that does not fit is refused also where it stands in a file', () => {
    expect(readRefusal({ PORT_FILE: file('bad', 'x') })).toContain('PORT')
    expect(readRefusal({ DB_PASSWORD_FILE: join(folder, 'nowhere') })).toContain('the file cannot be read')
    expect(readRefusal({ DB_PASSWORD_FILE: folder })).toContain('the file cannot be read')
  })
})

const SECRET = 'hunter2secret'
const SECRETS: readonly Record<string, string>[] = [
  { DATABASE_URL: `mysql://user:${SECRET}@db/shop` },
  { DATABASE_URL: `mysql://user:${SECRET}@x@db/shop` },
  { DATABASE_URL: `mysql://user:a@${SECRET}@db/shop` },
  { DATABASE_URL: `mysql://user:a/${SECRET}@db/shop` },
  { DATABASE_URL: `mysql://user:a:${SECRET}@db/shop` },
  { DATABASE_URL: `postgres://user:${SECRET}#@db/shop:x` },
  { DATABASE_URL: `user:${SECRET}@db/shop` },
  { DATABASE_URL: `postgres//user:${SECRET}@db/shop` },
  { DATABASE_URL: `mysql://db/shop?user=u&password=${SECRET}` },
  { DATABASE_DIRECT_URL: `mysql://:${SECRET}@db` },
  { REDIS_URL: `http://:${SECRET}@redis` },
  { REDIS_URL: `redis:6379,password=${SECRET},ssl=true` },
  { ADMIN_TOKEN: SECRET },
  { OTEL_EXPORTER_OTLP_ENDPOINT: `ftp://user:${SECRET}@collector` },
]

describe('a secret', () => {
  test.each([
    ['ADMIN_TOKEN', 'CHANGE-ME-to-16-characters-or-more'],
    ['DATABASE_URL', 'postgres://u:CHANGE-ME@db/shop'],
    ['DATABASE_DIRECT_URL', 'postgres://u:change_me@db/shop'],
    ['DB_PASSWORD', 'changeme'],
    ['REDIS_URL', 'redis://:CHANGE-ME@redis'],
  ])('a secret of an example is refused, and named: %s=%s', (name, value) => {
    const [, , row, ...more] = readRefusal({ [name]: value }).split('\n')
    expect([row, more]).toEqual([expect.stringMatching(new RegExp(`^  ${name} .*expected a secret of your own`)), []])
  })

  test.each(SECRETS)('a secret is not shown in the table of what does not fit: %j', environment => {
    expect(readRefusal(environment)).not.toContain(SECRET)
  })

  test('a secret is not shown by printConfig(), whose lines show the rest', () => {
    const lines = printConfig(
      readConfig({
        DATABASE_URL: `postgres://user:${SECRET}@db/shop`,
        DATABASE_DIRECT_URL: `postgres://user@db/shop?password=${SECRET}&sslmode=require`,
        DB_PASSWORD: SECRET,
        REDIS_URL: `rediss://:${SECRET}@redis:6379`,
        ADMIN_TOKEN: `${SECRET}${SECRET}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: `https://user:${SECRET}@collector/v1?x=1`,
      }),
    ).split('\n')
    expect(lines).toContainValues([
      'PORT=3000',
      'DATABASE_URL=postgres://user:***@db/shop',
      'DATABASE_DIRECT_URL=postgres://user@db/shop?password=***&sslmode=require',
      'DB_PASSWORD=***',
      'REDIS_URL=rediss://:***@redis:6379',
      'ADMIN_TOKEN=***',
      'OTEL_EXPORTER_OTLP_ENDPOINT=https://user:***@collector/v1?x=1',
    ])
    expect(lines.join('\n')).not.toContain(SECRET)
  })

  test('a secret in a URL that was made of parts is not shown either', () => {
    expect(printConfig(readConfig({ DB_HOST: 'db', DB_USER: 'u', DB_PASSWORD: `${SECRET}@/:` }))).not.toContain(SECRET)
  })
})

describe('a process whose configuration cannot be used', () => {
  test('a process whose configuration cannot be used ends with exit code 78 and the table on standard error, without a stack', async () => {
    const main = join(import.meta.dir, '../examples/marketplace/main.ts')
    const env = { PATH: process.env['PATH'] ?? '', PORT: 'x', DATABASE_URL: `mysql://u:${SECRET}@db` }
    const process_ = Bun.spawn([process.execPath, main], { env, cwd: folder, stdout: 'pipe', stderr: 'pipe' })
    const [code, out, error] = await Promise.all([process_.exited, process_.stdout.text(), process_.stderr.text()])
    expect({ code, out }).toEqual({ code: 78, out: '' })
    expect(error.trim().split('\n')).toHaveLength(4)
    expect(error).toStartWith('The configuration cannot be used:')
    expect(error).not.toContain(SECRET)
  })
})
