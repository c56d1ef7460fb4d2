import { describe, expect } from 'bun:test'
import createClient from 'postgres'
import { testPostgres } from '../../../test-support/servers/postgres.ts'
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
import { waitingForOldest } from './waiting-for-oldest.ts'
import type { Store } from '../../../ports/store/store.ts'

describe('sessions that the server ends', () => {
  race('sessions that the server ends under load lose, double and reorder nothing', async random => {
    await using log = await raceLog()
    const killing = startKiller(log, random)
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
/** How far the log comes between two of them, at most: as many events on a slow machine as on a fast one. */
const EVENTS_BETWEEN_MAX = 100

describe('a long foreign transaction', () => {
  race('a long foreign transaction that has written elsewhere hides no event from the next reader', async () => {
    await using log = await raceLog()
    expect(await measureLag(log, await log.store(), form(150, 20_000))).toEqual({ lag: 0, lagAfterwards: 0 })
  })

  race('a long foreign transaction shows the planted bug: a reader waits for the oldest one', async () => {
    await using log = await raceLog()
    expect(await measureLag(log, waitingForOldest(await log.store(), log), 20)).toEqual({ lag: 20, lagAfterwards: 0 })
  })

  race('a long foreign transaction that holds the lock fails writers at their lock timeout, and no reader', async () => {
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
      // At the deadline of its statement, which is far longer, it would be unknown.
      expect(await one(i)).toBe('unavailable')
      await reader.step()
    }
    await letGo()
    await untilFree(log)
    expect(await one(-1)).toEqual(['appended'])
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
function startKiller(log: RaceLog, random: Random): { readonly start: () => void; readonly stop: () => Promise<number> } {
  let stopped = false
  let killing: Promise<number> = Promise.resolve(0)
  const run = async (): Promise<number> => {
    for (let [ended, next] = [0, 0]; ; ) {
      if (stopped) return ended
      const head = await headOf(log)
      if (head >= next) {
        ended += await endOne(log, random)
        next = head + 1 + random.below(EVENTS_BETWEEN_MAX)
      }
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

async function headOf({ sql, schema }: RaceLog): Promise<number> {
  const [row] = await sql.unsafe<{ head: number }[]>(`select coalesce(max(position), 0)::float8 as head from ${schema}.events`)
  return row!.head
}

/** Ends a session of a store, any but our own. */
async function endOne({ sql }: RaceLog, random: Random): Promise<number> {
  const found = await sql<{ pid: number }[]>`select pid from pg_stat_activity where application_name like 'emaki %'
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

/**
 * Appends one after the other, and reads after each, while transactions of others stay open that have written, in this database and in
 * another: by how many acknowledged events a read was behind at most, and whether one still is when they have ended.
 */
async function measureLag(
  log: RaceLog,
  over: Pick<Store, 'readAll'>,
  many: number,
): Promise<{ lag: number; lagAfterwards: number }> {
  const elsewhere = await (await testPostgres()).createDatabase('elsewhere')
  const ends = await Promise.all([openWrite(log.url), openWrite(elsewhere)])
  const store = await log.store()
  const reader = follow(over, 'the reader', 10 * many)
  let lag = 0
  for (let i = 1; i <= many; i++) {
    await store.append([{ slices: [{ stream: `s-${i}`, expect: 0, events: [tokenEvent(`t-${i}`)] }], keys: [] }])
    await reader.step()
    lag = Math.max(lag, i - reader.seen.length)
  }
  await Promise.all(ends.map(end => end()))
  await reader.step()
  return { lag, lagAfterwards: many - reader.seen.length }
}
