// What the database itself refuses, whoever asks, and what a store refuses of a database.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import createClient from 'postgres'
import type { NewEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Unit } from '../../ports/store/unit.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { postgres } from './store.ts'

let at: TestSchema
let store: Store
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema })
  await store.open()
  await store.append([unit('order-o1')])
})
afterAll(async () => {
  await store.close()
  await at.drop()
})

const event = (): NewEvent => ({ id: Bun.randomUUIDv7(), type: 'Placed', schema: 's', data: '{"a":1}', meta: '{}' })
const unit = (stream: string): Unit => ({ slices: [{ stream, expect: 'any', events: [event()] }], keys: [] })
/** The append function as a client of its own would call it. */
const call = (stream: string) =>
  `select * from ${at.schema}.append_v4('{${stream}}', '{-1}', '{0}', '{1}', '{1}', '${Bun.randomUUIDv7()}', 'T', 's', '{}', '{}', null, 1000)`

describe('the database', () => {
  test('the database refuses to update, delete or truncate events', async () => {
    const events = `${at.schema}.events`
    await expect(at.sql`update ${at.sql(events)} set data = ''`.execute()).rejects.toThrow('events are immutable')
    await expect(at.sql`delete from ${at.sql(events)}`.execute()).rejects.toThrow('events are immutable')
    await expect(at.sql`truncate ${at.sql(events)}`.execute()).rejects.toThrow('events are immutable')
    expect(await store.head()).toBe(1)
  })

  test('the database refuses an append inside a transaction that has written', async () => {
    const within = at.sql.begin(async tx => {
      await tx`create temporary table mine (n integer) on commit drop`
      await tx.unsafe(call('order-in'))
    })
    await expect(within).rejects.toThrow('append inside a transaction of the caller')
    expect(await store.read('order-in', { after: 0, limit: 1 })).toEqual([])
  })

  test('the database refuses an append under any isolation but read committed', async () => {
    for (const level of ['repeatable read', 'serializable']) {
      const within = at.sql.begin(`isolation level ${level}`, async tx => tx.unsafe(call('order-iso')))
      await expect(within).rejects.toThrow('read committed')
    }
  })

  test('the database syncs the commit of an append where the session says off', async () => {
    const sql = createClient(at.url, { max: 1, onnotice: () => {} })
    await sql`set synchronous_commit = off`
    const [found] = await sql.unsafe(
      `with a as materialized (${call('order-sync')}) select (select count(*) from a), current_setting('synchronous_commit') as inside`,
    )
    const [after] = await sql`select current_setting('synchronous_commit') as after`
    await sql.end()
    expect([found?.['inside'], after?.['after']]).toEqual(['on', 'off'])
  })

  test("the database gives an application's role what it needs and no INSERT", async () => {
    const role = `app_${at.schema}`
    await at.sql.unsafe(`create role ${role} login`)
    try {
      await at.sql.unsafe(`set search_path = ${at.schema}; select grant_app_v1('${role}')`).simple()
      const url = new URL(at.url)
      url.username = role
      const app = postgres(url.href, { schema: at.schema, migrate: false })
      await app.open()
      expect((await app.append([unit('order-role')]))[0]?.outcome).toBe('appended')
      await app.saveSnapshots([{ stream: 'order-role', fold: 1, version: 1, state: '{}' }])
      expect(await app.forgetKeys()).toBe(0)
      await app.close()
      const sql = createClient(url.href, { max: 1 })
      for (const table of ['events', 'keys', 'snapshots', 'log', 'migrations']) {
        await expect(sql.unsafe(`insert into ${at.schema}.${table} default values`).execute()).rejects.toThrow(
          'permission denied',
        )
        await expect(sql.unsafe(`delete from ${at.schema}.${table}`).execute()).rejects.toThrow('permission denied')
      }
      await expect(sql.unsafe(`select ${at.schema}.grant_app_v1('${role}')`).execute()).rejects.toThrow('permission denied')
      await sql.end()
    } finally {
      await at.sql.unsafe(`drop owned by ${role}; drop role ${role}`).simple()
    }
  })

  test('the database shows payloads as jsonb to ad-hoc SQL, U+FFFD for each U+0000 that jsonb refuses', async () => {
    const text = 'a\0\0\\u0000\\\0'
    const shown = { text: text.replaceAll('\0', '\ufffd'), ['a\ufffd']: 1 }
    const json = JSON.stringify({ text, ['a\0']: 1 })
    const nul = { ...event(), data: json, meta: json }
    await store.append([{ slices: [{ stream: 'order-nul', expect: 'any', events: [nul] }], keys: [] }])
    const some = "where stream in ('order-o1', 'order-nul') order by position"
    const rows: readonly object[] = await at.sql.unsafe(`select data, meta from ${at.schema}.events_json ${some}`)
    expect([...rows]).toEqual([
      { data: { a: 1 }, meta: {} },
      { data: shown, meta: shown },
    ])
  })
})

describe('a store', () => {
  test('a PostgreSQL store says what is wrong with a server that does not answer', async () => {
    await expect(postgres('postgres://nobody@127.0.0.1:1/none').open()).rejects.toMatchObject({
      name: 'StoreError',
      reason: 'unavailable',
    })
  })

  test('a PostgreSQL store keeps a log for each schema of one database', async () => {
    const other = await testSchema()
    const second = postgres(other.url, { schema: other.schema })
    await second.open()
    expect(second.identity.id).not.toBe(store.identity.id)
    expect(await second.head()).toBe(0)
    await second.close()
    await other.drop()
  })

  test('a PostgreSQL store refuses a name of a schema that would have to be quoted', () => {
    expect(() => postgres('postgres://x', { schema: 'a"; drop table events; --' })).toThrow('is not letters, digits and _')
  })
})
