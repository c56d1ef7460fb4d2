// Causes planted into a real PostgreSQL. Each is held until it is named, so nothing depends on how fast the machine is.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import createClient, { type Sql } from 'postgres'
import { postgres } from '../adapters/postgres/store.ts'
import { whyVerb } from '../cli/why.ts'
import { readConfig } from '../config.ts'
import type { Store } from '../ports/store/store.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { shop } from '../test-support/fulfilment.ts'
import { holdLock } from '../test-support/hold-lock.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { type TestSchema, testSchema } from '../test-support/schema.ts'
import { freePort } from '../test-support/servers/free-port.ts'
import { until } from '../test-support/servers/until.ts'
import { readLogStalls } from './read-facts.ts'
import type { Stall } from './stall.ts'

let at: TestSchema
let store: Store
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema, lockTimeoutMs: 600_000, deadlineMs: 600_000 })
  await store.open()
})
afterEach(cleanUp)
afterAll(async () => {
  await store.close()
  await at.drop()
})

let appends = 0
/** An append that nobody waits for yet. */
function append(to: Store = store): Promise<unknown> {
  const event = { id: Bun.randomUUIDv7(), type: 'Set', schema: 's', data: '{}', meta: '{}' }
  return to.append([{ slices: [{ stream: `thing-${appends++}`, expect: 0, events: [event] }], keys: [] }])
}

/** A session with a name of its own, which ends after the test. */
function session(name: string, url = at.url): Sql {
  const sql = createClient(url, { max: 1, onnotice: () => {}, connection: { application_name: name } })
  cleanUpLater(() => sql.end({ timeout: 1 }))
  return sql
}

const lockLog = () => `select pg_advisory_xact_lock(${at.schema}.lock_key_v1())`

/** Asks until a stall is named, at most `attempts` times, as the watch would within its time. */
async function explain(cause: Stall['cause'], from: Store = store): Promise<Stall> {
  let found: Stall | undefined
  await until(`${cause} is named`, async () => {
    found = (await readLogStalls(from)).find(one => one.cause === cause)
    return found !== undefined
  })
  return found!
}

/** Holds something while an append waits for it; the append goes on once it is let go. */
async function whileHeld(sql: Sql, statement: string, check: () => Promise<void>): Promise<void> {
  const letGo = await holdLock(sql, statement)
  const waiting = append()
  try {
    await check()
  } finally {
    await letGo()
  }
  await waiting
}

describe('the lock of the log', () => {
  test('a lock that a foreigner holds in an idle transaction is named with its name, pid and last statement', async () => {
    const psql = session('psql by hand')
    await whileHeld(psql, lockLog(), async () => {
      const { sentence, chain, mend } = await explain('lock-idle')
      const [{ pid } = { pid: 0 }] = chain
      expect(sentence).toContain(`psql by hand (pid ${pid}, idle in transaction for`)
      expect(mend).toBe(`End the session: select pg_terminate_backend(${pid})`)
      expect(chain).toMatchObject([
        { holdsLog: true, isOurs: false, query: lockLog() },
        { waitsForLog: true, isOurs: true, application: expect.stringMatching(/^emaki \S+ writer$/), blockedBy: [pid] },
      ])
    })
    expect(await readLogStalls(store)).toEqual([])
  })

  test('a lock that a foreigner holds while its statement runs is told from one that is idle', async () => {
    const psql = session('reporting')
    const running = psql
      .unsafe(`begin; ${lockLog()}; select pg_sleep(600)`)
      .simple()
      .catch(() => {})
    await until('it has the lock', async () => (await store.readWaits!()).sessions.some(({ holdsLog }) => holdsLog))
    const waiting = append()
    const { chain } = await explain('lock-foreign')
    await at.sql`select pg_terminate_backend(${chain[0]!.pid})`
    await Promise.all([running, waiting])
  })

  test('a lock that another process of ours holds is named as ours', async () => {
    const running = session('emaki elsewhere:9 writer')
    await running.unsafe('select 1')
    const holding = running
      .unsafe(`begin; ${lockLog()}; select pg_sleep(600)`)
      .simple()
      .catch(() => {})
    await until('it has the lock', async () => (await store.readWaits!()).sessions.some(({ holdsLog }) => holdsLog))
    const waiting = append()
    const { chain, sentence } = await explain('lock-own')
    expect(sentence).toContain('emaki elsewhere:9 writer')
    await at.sql`select pg_terminate_backend(${chain[0]!.pid})`
    await Promise.all([holding, waiting])
  })

  test('a chain is followed from the appends over the holder to the idle transaction that all wait for', async () => {
    await at.sql.unsafe(`create table ${at.schema}_report (n integer)`)
    const dump = session('reporting pg_dump')
    const letGo = await holdLock(dump, `lock table ${at.schema}_report in access exclusive mode`)
    const psql = session('psql by hand')
    const holding = psql.unsafe(`begin; ${lockLog()}; select * from ${at.schema}_report; commit`).simple()
    holding.catch(() => {})
    void holding.execute()
    await until('it has the lock', async () => (await store.readWaits!()).sessions.some(({ holdsLog }) => holdsLog))
    const waiting = append()
    const { chain, sentence, mend } = await explain('lock-chain')
    expect(chain.map(({ application }) => application)).toEqual([
      'reporting pg_dump',
      'psql by hand',
      expect.stringMatching(/^emaki \S+ writer$/),
    ])
    expect(sentence).toMatch(/reporting pg_dump \(pid \d+, idle in transaction .*, and blocks psql by hand \(pid \d+, active/)
    expect(mend).toBe(`End the session: select pg_terminate_backend(${chain[0]!.pid})`)
    await letGo()
    await Promise.all([holding, waiting])
    await at.sql.unsafe(`drop table ${at.schema}_report`)
  })

  test('a write of rows that waits for a foreign transaction is explained as well', async () => {
    await store.readModel.acquire('mails', { owner: 'a', ttlMs: 1_000, start: 0 })
    const psql = session('psql by hand')
    const letGo = await holdLock(psql, `lock table ${at.schema}.leases in access exclusive mode`)
    const waiting = store.readModel.acquire('mails', { owner: 'a', ttlMs: 1_000, start: 0 })
    expect((await explain('lock-idle')).sentence).toMatch(/^emaki \S+ \w+ \(pid .*: psql by hand \(pid .* holds what it needs\.$/)
    await letGo()
    await waiting
  })

  test('who may not see the sessions of others is told who holds the lock, and which grant shows the rest', async () => {
    const role = `${at.schema}_app`
    await at.sql.unsafe(`create role ${role} login; grant usage on schema ${at.schema} to ${role}`).simple()
    cleanUpLater(() => at.sql.unsafe(`revoke usage on schema ${at.schema} from ${role}; drop role ${role}`).simple())
    const url = new URL(at.url)
    url.username = role
    const blind = postgres(url.href, { schema: at.schema })
    cleanUpLater(() => blind.close())
    await whileHeld(session('psql by hand'), lockLog(), async () => {
      const { sentence, mend, chain } = await explain('lock-foreign', blind)
      expect(sentence).toContain('psql by hand (pid')
      expect(sentence).toContain('its state is hidden')
      expect(mend).toEndWith(`grant pg_read_all_stats to "${role}"`)
      expect(chain[0]).toMatchObject({ query: null, state: null })
    })
  })
})

describe('the verb why beside a server', () => {
  const why = () => {
    const config = readConfig({ DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema, PORT: String(freePort()) })
    return runVerb(whyVerb, { serve: shop, config, json: true })
  }
  const causesOf = (out: string) => (JSON.parse(out) as { stalls: readonly Stall[] }).stalls.map(({ cause }) => cause)

  test('why opens the log while its lock is held, and names who holds it', async () => {
    await whileHeld(session('psql by hand'), lockLog(), async () => {
      let answer = await why()
      await until('it is named', async () => {
        answer = await why()
        return causesOf(answer.out).includes('lock-idle')
      })
      expect([answer.code, answer.out]).toEqual([1, expect.stringContaining('psql by hand')])
    })
  })

  test('why names who holds a table without which the log cannot even be opened', async () => {
    const letGo = await holdLock(session('psql by hand'), `lock table ${at.schema}.log in access exclusive mode`)
    const { code, out } = await why()
    expect([code, causesOf(out)]).toEqual([1, expect.arrayContaining(['store', 'lock-idle'])])
    await letGo()
  })
})
