// Bulk import on a real server: the contract, and what only COPY and a lock can do wrong.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import createClient from 'postgres'
import { importContract } from '../../ports/store/import-contract/index.ts'
import type { NewRecord, Records } from '../../ports/store/import-record.ts'
import { holdLock } from '../../test-support/hold-lock.ts'
import { openLogIn } from '../../test-support/kept-log.ts'
import { emptyLog, type TestSchema, testSchema } from '../../test-support/schema.ts'
import { postgres } from './store.ts'

let at: TestSchema
beforeAll(async () => {
  at = await testSchema()
})
afterAll(() => at.drop())

importContract('PostgreSQL', () => openLogIn(at))

const SOURCE = { source: 'a.csv' }
const records = (many: number): Records =>
  async function* () {
    for (let i = 0; i < many; i++) yield [buildRecord(i)]
  }
const buildRecord = (i: number): NewRecord => ({
  id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
  stream: `o-${i % 7}`,
  type: 'T',
  schema: 's',
  data: `${i}`,
  meta: '{}',
})

async function countStaged(): Promise<number> {
  const [row] = await at.sql.unsafe(`select count(*)::integer as many from ${at.schema}.import_rows`)
  return row!['many'] as number
}

describe('an import into PostgreSQL', () => {
  test('an import into PostgreSQL leaves no staged rows behind', async () => {
    const { store, close } = await openLogIn(at)
    await Array.fromAsync(store.import(records(4_100), SOURCE))
    expect(await countStaged()).toBe(0)
    await close()
  })

  test('an import into PostgreSQL that is given up leaves no staged rows behind', async () => {
    const { store, close } = await openLogIn(at)
    await store.import(records(1_010), SOURCE).next()
    expect(await countStaged()).toBe(1_010)
    const { name } = (await store.imports())[0]!
    await store.endImport(name)
    expect([await countStaged(), await store.head()]).toEqual([0, 0])
    await close()
  })

  test('an import into PostgreSQL stages while another has the lock of the log, and waits for it with the first chunk', async () => {
    const { store, close } = await openLogIn(at)
    const steps = store.import(records(10), SOURCE)
    const letGo = await holdLock(at.sql, `select pg_advisory_xact_lock(${at.schema}.lock_key_v1())`)
    expect((await steps.next()).value).toMatchObject({ moved: 0, total: 10 })
    const moved = steps.next()
    await letGo()
    expect((await moved).value).toMatchObject({ moved: 10 })
    await steps.next()
    await close()
  })

  test('an import into PostgreSQL moves each record once where two processes run it at the same time', async () => {
    await emptyLog(at)
    const both = [postgres(at.url, { schema: at.schema }), postgres(at.url, { schema: at.schema })]
    await Promise.all(both.map(store => store.open()))
    await Promise.all(both.map(store => Array.fromAsync(store.import(records(9_000), SOURCE))))
    const events = await both[0]!.readAll({ after: 0, limit: 20_000 })
    expect(events.map(({ data }) => Number(data))).toEqual(Array.from({ length: 9_000 }, (_, i) => i))
    await Promise.all(both.map(store => store.close()))
  })

  test('an import into PostgreSQL goes on over connections that are cut between and within its chunks', async () => {
    const { store, close } = await openLogIn(at)
    const cutConnections = () => at.sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^emaki .* (writer|reader)$' and datname = current_database()
    `
    const many = 6_000
    let cuts = 0
    for await (const { moved } of store.import(records(many), SOURCE)) {
      if (moved === many) break
      // The next chunk is asked for at the same time as its connection is cut.
      cuts++
      void cutConnections().execute()
    }
    expect(cuts).toBeGreaterThan(3)
    // Read by another client, as a connection of the store's may just have been cut.
    const events = await at.sql.unsafe(`select data from ${at.schema}.events order by position`)
    expect(events.map(({ data }) => Number(data))).toEqual(Array.from({ length: many }, (_, i) => i))
    await close()
  })

  test('an import into PostgreSQL is refused to a role that may append and was not granted imports, and works for one that was', async () => {
    const role = `importer_${at.schema}`
    await emptyLog(at)
    await at.sql.unsafe(`create role ${role} login`)
    try {
      await at.sql.unsafe(`set search_path = ${at.schema}; select grant_app_v1('${role}')`).simple()
      const url = new URL(at.url)
      url.username = role
      const app = postgres(url.href, { schema: at.schema, migrate: false })
      await app.open()
      await expect(Array.fromAsync(app.import(records(3), SOURCE))).rejects.toThrow('permission denied')
      await at.sql.unsafe(`set search_path = ${at.schema}; select grant_import_v2('${role}')`).simple()
      expect((await Array.fromAsync(app.import(records(3), SOURCE))).at(-1)).toMatchObject({ moved: 3 })
      await app.close()
    } finally {
      await at.sql.unsafe(`drop owned by ${role}; drop role ${role}`).simple()
    }
  })

  test('an import into PostgreSQL moves a chunk under no isolation but read committed, and not inside a transaction that has written', async () => {
    const sql = createClient(at.url, { max: 1, onnotice: () => {} })
    const call = `select * from ${at.schema}.import_chunk_v2(1, 10, 10, 1000)`
    await expect(sql.begin('isolation level serializable', tx => tx.unsafe(call))).rejects.toThrow('read committed')
    const within = sql.begin(async tx => {
      await tx`create temporary table mine (n integer) on commit drop`
      await tx.unsafe(call)
    })
    await expect(within).rejects.toThrow('inside a transaction of the caller')
    await sql.end()
  })
})
