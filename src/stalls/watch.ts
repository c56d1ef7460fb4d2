// Watches one process: notices by what it knows itself that something waits, and only then asks the store for whom.
import type { Definition } from '../definitions/definition.ts'
import { keepFor } from '../lib/keep-for.ts'
import { sleep as machineSleep } from '../lib/sleep.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import type { Report } from '../ports/report/notice.ts'
import type { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import type { Status } from '../subscription/status.ts'
import type { Subscription } from '../subscription/subscription.ts'
import { type StallEpisode, StallEpisodes } from './episodes.ts'
import { APPEND_STALL_MS, DEAF, explainFailure } from './explain-log.ts'
import { STANDS_MS } from './explain-subscription.ts'
import { explainLoop, explainThrottling, readThrottledMs } from './processor-time.ts'
import { readStalls } from './read-facts.ts'
import type { Stall, StallCause } from './stall.ts'

/** How often a process looks at itself, and asks the store at most, in ms. */
const LOOK_EVERY_MS = 250
const ASK_EVERY_MS = 1_000
/** A look that comes so much too late was held up by the event loop, in ms. */
const LOOP_BLOCKED_MS = 1_000

/** What somebody wants, or what is known otherwise: no stall of this process. */
const CALM: ReadonlySet<StallCause> = new Set(['paused', 'parked', 'rebuild', 'nobody', 'dead-owner'])

type Moving = Pick<Subscription, 'name' | 'isOwner' | 'handledTo' | 'lagEvents' | 'current'>

export type StallWatchOptions = {
  readonly store: Store
  readonly definitions: readonly Definition[]
  readonly leaseMs: number
  readonly report: Report
  readonly metrics: Meter
  /** In ms since 1970. */
  readonly now: () => number
  /** The appends of this process. */
  readonly health: { readonly appendingMs: number; readonly failure: StoreError | null }
  readonly subscriptions: { readonly all: readonly Moving[]; readonly status: () => Promise<readonly Status[]> }
  /** A clock of elapsed time, in ms. Default: the machine's clock. */
  readonly clock?: () => number
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  readonly throttledMs?: () => Promise<number | null>
}

export class StallWatch {
  readonly #options: StallWatchOptions
  readonly #clock: () => number
  readonly #throttledMs: () => Promise<number | null>
  readonly #episodes: StallEpisodes
  /** By subscription: up to where it has handled events, and since when. */
  readonly #moved = new Map<string, { readonly to: number; readonly at: number }>()
  #lookedAt: number | null = null
  #askedAt = Number.NEGATIVE_INFINITY
  #found: readonly Stall[] = []
  #throttled: { readonly ms: number; readonly at: number } | null = null
  readonly #readNow: () => Promise<readonly Stall[]>

  constructor(options: StallWatchOptions) {
    const { report, metrics, now, clock = () => performance.now(), throttledMs = readThrottledMs } = options
    this.#options = options
    this.#clock = clock
    this.#throttledMs = throttledMs
    this.#episodes = new StallEpisodes(report, metrics, now)
    this.#readNow = keepFor(ASK_EVERY_MS, () => this.#read(), clock)
  }

  /** Looks until it is ended. Gives the function that ends it, which resolves when the last look has ended. */
  start(): () => Promise<void> {
    const ending = new AbortController()
    const { sleep = machineSleep, report } = this.#options
    const watching = (async () => {
      while (!ending.signal.aborted) {
        await this.look().catch(report)
        await sleep(LOOK_EVERY_MS, ending.signal)
      }
    })()
    return () => {
      ending.abort()
      return watching
    }
  }

  /** What is known to stand still without asking anybody, and what stood still lately, the last first. */
  get known(): readonly StallEpisode[] {
    return [...this.#episodes.open, ...this.#episodes.ended]
  }

  /** As `known`, with what the store says now. */
  async list(): Promise<readonly StallEpisode[]> {
    const known = new Set(this.#episodes.open.map(({ cause, subject }) => `${cause} ${subject}`))
    const others = (await this.#readNow()).filter(({ cause, subject }) => !known.has(`${cause} ${subject}`))
    const now = new Date(this.#options.now()).toISOString()
    const seen = others.map(stall => ({ ...stall, since: stall.since ?? now, ended: null, times: 1 }))
    return [...this.#episodes.open, ...seen, ...this.#episodes.ended]
  }

  /** Looks once. It asks the store only while something waits, and at most once a second. */
  async look(): Promise<void> {
    const now = this.#clock()
    this.#seeLoop(now)
    const waits = this.#isWaiting(now)
    if (waits && now - this.#askedAt >= ASK_EVERY_MS) {
      this.#askedAt = now
      this.#found = (await this.#read()).filter(({ cause }) => !CALM.has(cause))
    }
    if (!waits) this.#found = []
    const throttling = await this.#readThrottling(now)
    const isDeaf = this.#options.store.isDeaf?.() === true
    this.#episodes.see([...this.#found, ...(isDeaf ? [DEAF] : []), ...(throttling ? [throttling] : [])])
    this.#lookedAt = this.#clock()
  }

  async #read(): Promise<readonly Stall[]> {
    const { store, definitions, leaseMs, subscriptions, health } = this.#options
    const currentOf = (name: string) => subscriptions.all.find(one => one.name === name)?.current ?? null
    const found = await readStalls({ store, definitions, leaseMs, status: () => subscriptions.status(), currentOf })
    const { failure } = health
    // Appends that fail because others hold the log are explained by who they are.
    const isFull = failure?.reason === 'full'
    if (!failure || (!isFull && found.some(({ subject }) => subject === 'log'))) return found
    return [explainFailure({ message: failure.message, isFull }), ...found]
  }

  /** A look begins this late only if nothing else could begin meanwhile. */
  #seeLoop(now: number): void {
    const lateMs = this.#lookedAt === null ? 0 : now - this.#lookedAt - LOOK_EVERY_MS
    if (lateMs >= LOOP_BLOCKED_MS) this.#episodes.seeEnded(explainLoop(lateMs), lateMs)
  }

  #isWaiting(now: number): boolean {
    const { health, store, subscriptions } = this.#options
    const isStanding = subscriptions.all.map(one => this.#stands(one, now)).some(Boolean)
    const isFull = store.fullPools?.().some(({ waitMs }) => waitMs >= APPEND_STALL_MS) ?? false
    return isStanding || isFull || health.failure !== null || health.appendingMs >= APPEND_STALL_MS
  }

  #stands({ name, isOwner, handledTo, lagEvents }: Moving, now: number): boolean {
    const known = this.#moved.get(name)
    if (!isOwner || lagEvents === 0 || known?.to !== handledTo) {
      this.#moved.set(name, { to: handledTo, at: now })
      return false
    }
    return now - known.at >= STANDS_MS
  }

  async #readThrottling(now: number): Promise<Stall | null> {
    const before = this.#throttled
    if (before && now - before.at < ASK_EVERY_MS) return this.#episodes.open.find(({ cause }) => cause === 'cpu') ?? null
    const ms = await this.#throttledMs()
    this.#throttled = ms === null ? null : { ms, at: now }
    return before && ms !== null ? explainThrottling(ms - before.ms, now - before.at) : null
  }
}

type Watched = Omit<StallWatchOptions, 'definitions' | 'health'> & {
  readonly definitions: Readonly<Record<string, ReadonlyMap<string, Definition>>>
  readonly health: StallWatchOptions['health'] & { readonly watch: () => () => Promise<void> }
}

/** Watches a process, and whether its log takes commands. A store in memory has nobody to wait for, and is not watched. */
export function watchStalls(watched: Watched): { readonly watch: StallWatch; readonly end: () => Promise<void> } {
  const { store, health, definitions } = watched
  const watch = new StallWatch({ ...watched, definitions: Object.values(definitions).flatMap(all => [...all.values()]) })
  const ends = store.system === 'memory' ? [] : [watch.start(), health.watch()]
  return { watch, end: async () => void (await Promise.all(ends.map(end => end()))) }
}
