import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import createClient, { type Sql } from 'postgres'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { migratePostgres } from './migrate.ts'
import { checkPostgresIntegrity } from './integrity.ts'

let url: string
let sql: Sql
beforeAll(async () => {
  url = await (await testPostgres()).createDatabase('integrity')
  sql = createClient(url, { max: 1, onnotice: () => {}, fetch_types: false })
  await migratePostgres(url, 'emaki')
})
afterAll(() => sql.end())

const statuses = async () =>
  Object.fromEntries((await checkPostgresIntegrity(url, 'emaki')).map(({ name, status }) => [name, status]))

describe('checkPostgresIntegrity()', () => {
  test('checkPostgresIntegrity() says that nothing is checked without amcheck, and checks all with it', async () => {
    expect(await checkPostgresIntegrity(url, 'emaki')).toMatchObject([
      { name: 'amcheck', status: 'warning', fix: 'run create extension amcheck in this database' },
    ])
    await sql`create schema theirs`
    await sql`create extension amcheck schema theirs`
    expect(await statuses()).toEqual({ indexes: 'ok', tables: 'ok' })
  })

  test('checkPostgresIntegrity() names an index that lacks a row of its table', async () => {
    const row = (key: string) => sql`insert into emaki.serving values (${key}, 'a_v1')`
    await row('a')
    await sql`update pg_index set indisready = false where indexrelid = 'emaki.serving_pkey'::regclass`
    await row('b')
    await sql`update pg_index set indisready = true where indexrelid = 'emaki.serving_pkey'::regclass`
    const found = await checkPostgresIntegrity(url, 'emaki')
    expect(found).toMatchObject([
      { name: 'indexes', status: 'problem', found: expect.stringContaining('serving_pkey: heap tuple') },
      { name: 'tables', status: 'ok' },
    ])
    await sql`reindex table emaki.serving`
    expect(await statuses()).toEqual({ indexes: 'ok', tables: 'ok' })
  })

  test('checkPostgresIntegrity() says that nothing is checked where it may not, or cannot connect', async () => {
    await sql`create role no_check login`
    const own = new URL(url)
    own.username = 'no_check'
    try {
      expect((await checkPostgresIntegrity(own.href, 'emaki')).every(({ status }) => status === 'warning')).toBeTrue()
      expect(await checkPostgresIntegrity('postgres://nobody@127.0.0.1:1/none', 'emaki')).toMatchObject([
        { name: 'amcheck', status: 'warning', found: expect.stringContaining('not checked') },
      ])
    } finally {
      await sql`drop role no_check`
    }
  })
})
