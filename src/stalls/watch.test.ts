// The watch of a process, on a clock that is moved: what makes it ask the store, how often, and what it keeps.
import { describe, expect, test } from 'bun:test'
import { Metrics } from '../metrics/registry.ts'
import type { Notice } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import { memory } from '../ports/store/memory.ts'
import type { DatabaseSession, FullPool } from '../ports/store/waits.ts'
import type { Status } from '../subscription/status.ts'
import { appendTally } from '../test-support/tally.ts'
import { StallWatch, type StallWatchOptions } from './watch.ts'

const session = (pid: number, own: Partial<DatabaseSession>): DatabaseSession => ({
  ...{ pid, application: 'psql', isOurs: false, state: 'idle in transaction', waitsFor: null, query: null, stateMs: 3_000 },
  ...{ waitMs: null, holdsLog: false, waitsForLog: false, blockedBy: [] },
  ...own,
})
const LOCKED = [
  session(1, { holdsLog: true }),
  session(2, { isOurs: true, state: 'active', waitMs: 400, waitsForLog: true, blockedBy: [1] }),
]

/** A watch over a store in memory that knows sessions, with everything that it looks at in our hands. */
function openWatch({
  sessions = [] as readonly DatabaseSession[],
  ...own
}: Partial<StallWatchOptions> & { sessions?: readonly DatabaseSession[] } = {}) {
  const start = Date.parse('2026-01-31T12:00:00.000Z')
  const now = { ms: 0 }
  const found = { sessions, pools: [] as readonly FullPool[], isDeaf: false, throttledMs: 0 as number | null }
  const health = { appendingMs: 0, failure: null as StoreError | null }
  const asked: number[] = []
  const reported: Notice[] = []
  const store = {
    ...memory({ now: () => start + now.ms }),
    readWaits: async () => {
      asked.push(now.ms)
      return { sessions: found.sessions, grant: null, wal: null }
    },
    fullPools: () => found.pools,
    isDeaf: () => found.isDeaf,
  }
  const watch = new StallWatch({
    ...{ store, definitions: [], leaseMs: 5_000, health, metrics: new Metrics() },
    ...{ report: problem => void reported.push(problem as Notice), now: () => start + now.ms, clock: () => now.ms },
    subscriptions: { all: [], status: async () => [] },
    throttledMs: async () => found.throttledMs,
    ...own,
  })
  /** Looks every 250 ms for so long. */
  const look = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 250) {
      now.ms += 250
      await watch.look()
    }
  }
  const causes = () => watch.known.map(({ cause, ended }) => (ended === null ? cause : `${cause} ended`))
  return { store, watch, look, now, found, health, asked, reported, causes }
}

describe('what makes a process ask the store', () => {
  test('a process in which nothing waits never asks the store', async () => {
    const { look, asked, causes } = openWatch({ sessions: LOCKED })
    await look(10_000)
    expect([asked, causes()]).toEqual([[], []])
  })

  test('an append that waits is explained within two looks, asked for once a second at most, and kept when it is over', async () => {
    const { look, asked, health, found, reported, causes, watch } = openWatch({ sessions: LOCKED })
    await look(1_000)
    health.appendingMs = 249
    await look(250)
    expect(asked).toEqual([])
    health.appendingMs = 400
    await look(250)
    expect(causes()).toEqual(['lock-idle'])
    await look(9_750)
    expect(asked).toHaveLength(10)
    expect(reported).toMatchObject([{ code: 'stall-began', fields: { cause: 'lock-idle', blocker: 1 } }])
    health.appendingMs = 0
    found.sessions = []
    await look(250)
    expect(causes()).toEqual(['lock-idle ended'])
    expect(reported.slice(1)).toMatchObject([{ code: 'stall-ended', fields: { cause: 'lock-idle' } }])
    expect(await watch.list()).toMatchObject([{ cause: 'lock-idle', ended: '2026-01-31T12:00:11.500Z' }])
  })

  test('a pool that is full is explained, and so is a log that takes no commands', async () => {
    const { look, found, health, asked, causes } = openWatch()
    found.pools = [{ role: 'reader', max: 4, waiting: 9, waitMs: 300 }]
    await look(250)
    expect(causes()).toEqual(['pool'])
    found.pools = []
    await look(1_000)
    const before = asked.length
    health.failure = new StoreError('full', 'no room')
    await look(250)
    expect([asked.length, causes()[0]]).toEqual([before + 1, 'disk'])
    health.failure = new StoreError('unavailable', 'gone')
    await look(1_000)
    expect(causes()[0]).toBe('store')
    found.sessions = LOCKED
    await look(1_000)
    expect(causes().filter(cause => !cause.endsWith(' ended'))).toEqual(['lock-idle'])
  })

  test('a LISTEN that hears nothing is named without asking', async () => {
    const { look, found, asked, causes } = openWatch()
    found.isDeaf = true
    await look(250)
    expect([causes(), asked]).toEqual([['deaf'], []])
  })
})

describe('a subscription of this process', () => {
  const status: Status = {
    ...{ name: 'mails', definition: { kind: 'processor', name: 'mails' }, position: 0, lagEvents: 1, lagSeconds: 9 },
    ...{ parkedKeys: 0, parkedStreams: 0, retrying: 0, passedOver: 0, isOwner: true, isPaused: false, failure: null },
    isServing: true,
  }

  test('one that has not moved for 2 s while an event waits is explained by the event that its handler has', async () => {
    const moving = { name: 'mails', isOwner: true, handledTo: 0, lagEvents: 1, current: { key: 'a', position: 1 } }
    const { store, look, asked, causes, watch } = openWatch({
      subscriptions: { all: [moving], status: async () => [status] },
    })
    await appendTally(store, { to: ['a'], n: 1 })
    await store.readModel.acquire('mails', { owner: 'me', ttlMs: 600_000, start: 0 })
    await look(2_000)
    expect(asked).toEqual([])
    await look(250)
    expect(causes()).toEqual(['handler'])
    expect(watch.known[0]!.sentence).toContain('the event at 1 of "a"')
    Object.assign(moving, { handledTo: 1, lagEvents: 0 })
    await look(250)
    expect(causes()).toEqual(['handler ended'])
  })

  test('one that moves, that has nothing to do, or that another process runs is left alone', async () => {
    const at = { name: 'mails', isOwner: true, handledTo: 0, lagEvents: 5, current: null }
    const all = [at, { ...at, name: 'idle', lagEvents: 0 }, { ...at, name: 'elsewhere', isOwner: false }]
    const { look, asked } = openWatch({ subscriptions: { all, status: async () => [] } })
    for (let i = 0; i < 10; i++) {
      at.handledTo++
      await look(1_000)
    }
    expect(asked).toEqual([])
  })
})

describe('the process itself', () => {
  test('a look that comes a second too late tells that the event loop was blocked', async () => {
    const { look, now, reported, causes, watch } = openWatch()
    await look(500)
    now.ms += 999
    await look(250)
    expect(causes()).toEqual([])
    now.ms += 6_000
    await look(250)
    expect(causes()).toEqual(['event-loop ended'])
    expect(watch.known[0]!.sentence).toBe('The event loop of this process was blocked for 6.0 s: nothing else could run.')
    expect(reported).toMatchObject([{ code: 'stall-ended', fields: { cause: 'event-loop', lastedMs: 6_000 } }])
  })

  test('a processor time that the system holds back is named while it does, and over when it does no longer', async () => {
    const { look, found, causes } = openWatch()
    await look(1_250)
    found.throttledMs = 400
    await look(1_000)
    expect(causes()).toEqual(['cpu'])
    await look(1_000)
    expect(causes()).toEqual(['cpu ended'])
    found.throttledMs = null
    await look(1_000)
    expect(causes()).toEqual(['cpu ended'])
  })
})
