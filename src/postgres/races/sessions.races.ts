import { describe, expect } from 'bun:test'
import createClient from 'postgres'
import { testPostgres } from '../../testing/servers/postgres.ts'
import { follow, readLog } from './follow.ts'
import { form, race } from './form.ts'
import { type Attempt, violations } from './history.ts'
import { holdLock, untilFree } from './lock.ts'
import { lostUpdates } from './lost-updates.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import type { Random } from './random.ts'
import { recorder, tokenEvent } from './recorder.ts'
import { storm } from './storm.ts'
import type { Job } from './writers.ts'

/** How long other work of the machine may hold up what no transaction does. */
const SLACK_MS = 1_500

describe('sessions that are ended by the server', () => {
  race('under load lose nothing, double nothing and reorder nothing', 300_000, async random => {
    await using log = await raceLog()
    const killing = killer(log, random)
    const { wrong, tally, history } = await storm(log, loadOf(log, random), killing).finally(killing.stop)
    const ended = await killing.stop()
    expect(wrong).toEqual([])
    expect(lostUpdates(history.log)).toEqual([])
    expect(ended).toBeGreaterThan(form(10, 1_000))
    expect(tally['appended'] ?? 0).toBeGreaterThan(history.attempts.length / 4)
    const after = recorder(await log.store(), 'afterwards', () => {})
    expect(await after([{ slices: [{ stream: 'after', expect: 0, events: [tokenEvent('after')] }], keys: [] }])).toEqual([
      'appended',
    ])
  })
})
const PAUSE_MS = 40

describe('a foreign transaction', () => {
  race('that has written elsewhere and stays open delays neither readers nor writers', 180_000, async () => {
    await using log = await raceLog()
    const elsewhere = await (await testPostgres()).createDatabase('elsewhere')
    const ends = await Promise.all([openWrite(log.url), openWrite(elsewhere)])
    const { slowestMs, lagMs, many } = await appendFor(log, form(3_000, 60_000))
    await Promise.all(ends.map(end => end()))
    expect(many).toBeGreaterThan(100)
    expect(slowestMs).toBeLessThan(SLACK_MS)
    expect(lagMs).toBeLessThan(SLACK_MS)
  })

  race('that holds the lock fails writers at their lock timeout, and no reader, until it ends', 180_000, async () => {
    const LOCK_TIMEOUT_MS = 200
    await using log = await raceLog()
    const store = await log.store({ lockTimeoutMs: LOCK_TIMEOUT_MS })
    const attempts: Attempt[] = []
    const record = recorder(store, 'the writer', attempt => attempts.push(attempt))
    const reader = follow(await log.store(), 'the reader', 10)
    const one = (i: number) => record([{ slices: [{ stream: `s-${i}`, expect: 0, events: [tokenEvent(`t-${i}`)] }], keys: [] }])
    expect(await one(0)).toEqual(['appended'])
    const letGo = await holdLock(log)
    for (let i = 1; i <= form(5, 200); i++) {
      const from = performance.now()
      expect(await one(i)).toBe('unavailable')
      expect(performance.now() - from).toBeLessThan(LOCK_TIMEOUT_MS + SLACK_MS)
      await reader.step()
    }
    await letGo()
    await untilFree(log)
    expect(await one(-1)).toEqual(['appended'])
    expect(reader.slowestMs()).toBeLessThan(SLACK_MS)
    expect(violations({ attempts, log: await readLog(store), readings: [await reader.stop()] })).toEqual([])
  })
})

/** Two processes that send commands, and two that append. */
function loadOf({ url, schema }: RaceLog, random: Random): readonly Job[] {
  return Array.from({ length: 4 }, (_, i): Job => {
    const common = { who: `p${i}`, url, schema, seed: `${random.below(1_000_000)}`, callers: 8 }
    return i < 2
      ? { ...common, kind: 'command', commands: form(60, 5_000), on: 'counters' }
      : { ...common, kind: 'append', units: form(2_000, 100_000), stores: 2 }
  })
}

/** Ends sessions from start to stop, one after the other; stop says how many. */
function killer(log: RaceLog, random: Random): { readonly start: () => void; readonly stop: () => Promise<number> } {
  let stopped = false
  let killing: Promise<number> = Promise.resolve(0)
  const run = async (): Promise<number> => {
    for (let ended = 0; ; ended += await endOne(log, random)) {
      if (stopped) return ended
      await Bun.sleep(PAUSE_MS)
    }
  }
  return {
    start: () => {
      killing = run()
    },
    stop: () => {
      stopped = true
      return killing
    },
  }
}

/** Ends a session of a store, any but our own. */
async function endOne({ sql }: RaceLog, random: Random): Promise<number> {
  const found = await sql<{ pid: number }[]>`select pid from pg_stat_activity where application_name = 'emaki'
    and datname = current_database() order by pid`
  if (!found.length) return 0
  await sql`select pg_terminate_backend(${random.pick(found).pid})`
  return 1
}

/** Leaves a transaction open that has written, and thus has a number that holds back every snapshot; gives the function that ends it. */
async function openWrite(url: string): Promise<() => Promise<void>> {
  const sql = createClient(url, { max: 1, onnotice: () => {} })
  await sql`create table if not exists elsewhere (n integer)`
  await sql.unsafe('begin')
  await sql`insert into elsewhere values (1)`
  return async () => {
    await sql.unsafe('rollback')
    await sql.end()
  }
}

/** Appends for so long with a reader at the head: the slowest append, and the longest until an acknowledged event was seen. */
async function appendFor(log: RaceLog, ms: number): Promise<{ slowestMs: number; lagMs: number; many: number }> {
  const store = await log.store()
  const reader = follow(await log.store(), 'the reader', 10)
  reader.run()
  const until = performance.now() + ms
  let [slowestMs, lagMs, many] = [0, 0, 0]
  for (; performance.now() < until; many++) {
    const from = performance.now()
    await store.append([{ slices: [{ stream: `s-${many}`, expect: 0, events: [tokenEvent(`t-${many}`)] }], keys: [] }])
    const acknowledged = performance.now()
    await reader.reaches(many + 1)
    slowestMs = Math.max(slowestMs, acknowledged - from)
    lagMs = Math.max(lagMs, performance.now() - acknowledged)
  }
  await reader.stop()
  return { slowestMs, lagMs, many }
}
