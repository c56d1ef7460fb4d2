import { describe, expect } from 'bun:test'
import { runtime } from '../../../runtime.ts'
import { StoreError } from '../../../ports/store/errors.ts'
import type { Store } from '../../../ports/store/store.ts'
import { bound } from '../../../test-support/bound.ts'
import type { Direction } from '../../../test-support/servers/proxy.ts'
import { counter } from './domain.ts'
import { follow, readLog } from './follow.ts'
import { form, race } from './form.ts'
import { type Attempt, violations } from './history.ts'
import { startRaceProxy } from './race-proxy.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import type { Random } from './random.ts'
import { sender } from './sender.ts'

/** How many sweep at once, each a client of its own. */
const SWEEPS = 6
/** Every byte in the long form, every seventh, from one that the seed chooses, in the quick one. */
const STRIDE = form(7, 1)
/** What has a key is said again so often. */
const TRIES_MAX = 20

describe('a connection that is cut after each byte', () => {
  for (const direction of ['toServer', 'toClient'] as const) {
    for (const isKeyed of [false, true]) {
      race(
        `a connection cut at each byte ${direction} (key: ${isKeyed}) leaves one effect or none, as answered`,
        async random => {
          expect(await sweepCuts(random, { direction, isKeyed })).toEqual([])
        },
      )
    }
  }

  race('a connection cut at each byte shows the planted bug: a lost answer counts as a failure', async random => {
    const wrong = await sweepCuts(random, { direction: 'toClient', isKeyed: false, over: hasty })
    expect(wrong.filter(sentence => / was unavailable, and is there$/.test(sentence))).not.toEqual([])
  })
})

/** Sweeps a log of its own, and gives what is wrong with it. */
async function sweepCuts(random: Random, sweeping: Omit<Sweep, 'bytes'>): Promise<readonly string[]> {
  await using log = await raceLog()
  const attempts: Attempt[] = []
  const reader = follow(await log.store(), 'the reader', 10)
  reader.run()
  const bytes = bytesFrom(random.below(STRIDE))
  const cuts = await Promise.all(
    Array.from({ length: SWEEPS }, (_, i) =>
      sweep(log, `caller ${i}`, { ...sweeping, bytes }, attempt => attempts.push(attempt)),
    ),
  )
  expect(cuts.reduce((sum, many) => sum + many, 0)).toBeGreaterThan(50 / STRIDE)
  return violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })
}

/** The planted bug: a store that says of what it does not know that it has not happened. */
function hasty(store: Store): Store {
  const append: Store['append'] = units =>
    store.append(units).catch((error: unknown) => {
      throw error instanceof StoreError && error.reason === 'unknown' ? new StoreError('unavailable', error.message) : error
    })
  return bound(store, { append })
}

type Sweep = {
  readonly direction: Direction
  readonly isKeyed: boolean
  readonly bytes: () => number
  readonly over?: (store: Store) => Store
}

/** Sends a command for each number of bytes until one ends before it is cut; gives how many were. */
async function sweep(
  log: RaceLog,
  who: string,
  { direction, isKeyed, bytes, over = store => store }: Sweep,
  tell: (attempt: Attempt) => void,
): Promise<number> {
  using proxy = startRaceProxy(log)
  const store = await log.store({ through: proxy.url(log.url), deadlineMs: 4_000, lockTimeoutMs: 2_000 })
  const emaki = await runtime({ serve: [counter], store: over(store) })
  const send = sender(emaki, who, tell)
  let passed = 0
  const count = (piece: Uint8Array) => {
    passed += piece.length
    return 'forward' as const
  }
  if (direction === 'toServer') proxy.onClientData(count)
  else proxy.onServerData(count)
  for (let cuts = 0; ; cuts++) {
    const after = bytes()
    const token = `${who}.${after}`
    await send(counter.add(who, { token: `${token}.warm` }))
    passed = 0
    proxy.cutAfterBytes(after, direction)
    const outcome = await send(counter.add(who, { token }), isKeyed ? { key: token } : {}, isKeyed ? TRIES_MAX : 1)
    const isWhole = passed <= after
    proxy.cutAfterBytes(Number.POSITIVE_INFINITY, direction)
    expect(['accepted', 'unavailable', 'unknown']).toContain(outcome.outcome)
    if (isKeyed) expect(outcome.outcome).toBe('accepted')
    if (isWhole) return emaki.close().then(() => cuts)
  }
}

function bytesFrom(first: number): () => number {
  let next = first - STRIDE
  return () => (next += STRIDE)
}
