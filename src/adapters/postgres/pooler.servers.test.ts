// The contract through pgbouncer in transaction mode, as it is in production: it refuses start-up parameters, and sessions are shared.
import { afterAll, describe, expect, test } from 'bun:test'
import createClient from 'postgres'
import { readModelContract } from '../../ports/read-model/contract/index.ts'
import type { TestedStore } from '../../ports/store/contract/case.ts'
import { storeContract } from '../../ports/store/contract/index.ts'
import { importContract } from '../../ports/store/import-contract/index.ts'
import { startPgbouncer } from '../../test-support/servers/pgbouncer.ts'
import { until } from '../../test-support/servers/until.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { emptyLog, testSchema } from '../../test-support/schema.ts'
import { examinePostgres } from './examine.ts'
import { behindPooler } from './prove.ts'
import { postgres } from './store.ts'

const testing = testSchema()
const pooled = testing.then(({ url }) => startPgbouncer(url, { poolMode: 'transaction' }))
const log = new KeptLog(
  testing,
  pooled.then(({ url }) => url),
)
afterAll(async () => {
  await log.close()
  await (await pooled).stop()
  await (await testing).drop()
})

describe('a pooler in transaction mode', () => {
  test('a pooler in transaction mode is found out, and its absence too', async () => {
    const detectsPooler = async (url: string) => {
      const [one, two] = [
        createClient(url, { max: 1, prepare: false, fetch_types: false }),
        createClient(url, { max: 1, prepare: false, fetch_types: false }),
      ]
      const answer = await behindPooler(one, two)
      await Promise.all([one.end(), two.end()])
      return answer
    }
    expect(await detectsPooler((await pooled).url)).toBe(true)
    expect(await detectsPooler((await testing).url)).toBe(false)
  })

  test('a pooler in transaction mode refuses start-up parameters, which is why none are sent', async () => {
    const sql = createClient((await pooled).url, { max: 1, connection: { statement_timeout: 1_000 } })
    await expect(sql`select 1`.execute()).rejects.toThrow('unsupported startup parameter')
    await sql.end()
  })

  test('a pooler in transaction mode serves many stores over few sessions, each append whole and in order', async () => {
    const { schema } = await testing
    const { url } = await pooled
    const stores = Array.from({ length: 6 }, () => postgres(url, { schema }))
    for (const store of stores) await store.open()
    await emptyLog(await testing)
    const event = (data: string) => ({ id: Bun.randomUUIDv7(), type: 'T', schema: 's', data, meta: '{}' })
    await Promise.all(
      stores.map(async (store, i) => {
        for (let n = 0; n < 20; n++) {
          const [outcome] = await store.append([{ slices: [{ stream: `s-${i}`, expect: n, events: [event(`${n}`)] }], keys: [] }])
          expect(outcome?.outcome).toBe('appended')
        }
      }),
    )
    const log = await stores[0]!.readAll({ after: 0, limit: 1_000 })
    expect(log.map(({ position }) => position)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1))
    for (let i = 0; i < 6; i++)
      expect(log.filter(({ stream }) => stream === `s-${i}`).map(({ data }) => data)).toEqual(
        Array.from({ length: 20 }, (_, n) => `${n}`),
      )
    await Promise.all(stores.map(store => store.close()))
  })

  test('a pooler in transaction mode passes on no notification, so that the log is polled', async () => {
    const { schema } = await testing
    const { url } = await pooled
    const [ours, other] = [postgres(url, { schema }), postgres(url, { schema })]
    for (const store of [ours, other]) await store.open()
    const heard: (number | null)[] = []
    const end = await ours.watch(head => void heard.push(head))
    for (let i = 0; i < 3; i++) {
      const event = { id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '1', meta: '{}' }
      await other.append([{ slices: [{ stream: 'watched-1', expect: 'any', events: [event] }], keys: [] }])
      const head = await other.head()
      await until('it is noticed', () => heard.includes(head))
    }
    await end()
    await Promise.all([ours.close(), other.close()])
  })
})

describe('a pooler in session mode', () => {
  test('a pooler in session mode is found without being told, and what it passes on to sessions is checked', async () => {
    const { url, schema, sql } = await testing
    await using pgbouncer = await startPgbouncer(url, { poolMode: 'session', settings: { default_pool_size: 40 } })
    const store = postgres(pgbouncer.url, { schema })
    await store.open()
    const event = { id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '1', meta: '{}' }
    const units = [{ slices: [{ stream: 'session-1', expect: 'any' as const, events: [event] }], keys: [] }]
    expect(await store.append(units)).toMatchObject([{ outcome: 'appended' }])
    await store.ping()
    const found = await examinePostgres(pgbouncer.url, { schema })
    expect(found.find(({ name }) => name === 'pooler')).toMatchObject({ found: 'one in session mode, which takes no settings' })
    await store.close()
    const database = new URL(url).pathname.slice(1)
    await sql.unsafe(`alter database "${database}" set default_transaction_isolation = serializable`)
    try {
      await using other = await startPgbouncer(url, { poolMode: 'session' })
      await expect(postgres(other.url, { schema }).open()).rejects.toThrow(
        `default_transaction_isolation is serializable. Run: alter role postgres in database ${database} set default_transaction_isolation = 'read committed'`,
      )
    } finally {
      await sql.unsafe(`alter database "${database}" reset default_transaction_isolation`)
    }
  })
})

/** The tests above have left events. */
async function openEmptyLog(): Promise<TestedStore> {
  const tested = await log.openLog()
  await emptyLog(await testing)
  return tested
}

storeContract('PostgreSQL behind pgbouncer', openEmptyLog)
importContract('PostgreSQL behind pgbouncer', () => log.openLog())

readModelContract('PostgreSQL behind pgbouncer', () => log.openReadModel())
