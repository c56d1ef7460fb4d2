// All followers of an app. It wakes them together, checks them every second, and stops them together.
import type { Services } from '../../src/runtime.ts'
import { Notice, type NoticeFields, type Report } from '../../src/ports/report/notice.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { limitConcurrency } from '../../src/lib/semaphore.ts'
import { type Encoding, Feed } from './feed.ts'
import { type EventFilter, filterKey } from '../../src/ports/store/event-filter.ts'

/** How often followers are checked, in ms. A silent one sends a heartbeat, a stalled one is cut off. */
const CHECK_EVERY_MS = 1_000
/** How many followers may read the log at once. If all come back at the same time, commands still need the store. */
const READS_MAX = 2
/** How long followers are woken before other work gets its turn, in ms. */
const SLICE_MS = 10

/** How a client follows: events by one of the two protocols, a row, or records of the process. */
export type FollowerKind = 'sse' | 'websocket' | 'row' | 'logs'
/**
 * Why a client is disconnected: it takes nothing, its credentials end, it may no longer follow, it sent what nobody
 * understands, something failed, or the process stops.
 */
export type CutReason = 'stalled' | 'expired' | 'refused' | 'invalid' | 'failed' | 'stopping'

/** A follower. None of its functions throws. */
export type Follower = {
  readonly kind: FollowerKind
  /** The log may have more events. */
  readonly wake: () => void
  /** About a second has passed. */
  readonly check: (now: number) => void
  /** The process stops. */
  readonly stop: () => void
}

export type LiveOptions = {
  /** Takes a notice of the error that ended a follower, unless the store was only unavailable. */
  readonly report: Report
  /** The clock, in ms. Default: the machine's. */
  readonly now?: () => number
  readonly checkEveryMs?: number
}

const KINDS = ['sse', 'websocket', 'row', 'logs'] as const satisfies readonly FollowerKind[]

export class Live {
  readonly services: Services
  readonly now: () => number
  readonly #report: Report
  readonly #checkEveryMs: number
  readonly #readAll: Store['readAll']
  readonly #followers = new Set<Follower>()
  /** Feeds in use, by encoding and filter. `count`: how many followers use a feed. */
  readonly #feeds = new Map<object, Map<string, { readonly feed: unknown; count: number }>>()
  #following: AbortController | null = null
  #isStopping = false

  constructor(
    services: Services,
    { report, now = () => performance.now(), checkEveryMs: lookEveryMs = CHECK_EVERY_MS }: LiveOptions,
  ) {
    this.services = services
    this.#report = report
    this.now = now
    this.#checkEveryMs = lookEveryMs
    const oneOfFew = limitConcurrency(READS_MAX)
    this.#readAll = options => oneOfFew(() => services.store.readAll(options))
    services.metrics.observe(['emaki.listeners'], () => {
      const followers = [...this.#followers]
      const countOf = (kind: FollowerKind) => followers.filter(one => one.kind === kind).length
      return { 'emaki.listeners': KINDS.map(kind => ({ values: [kind] as const, value: countOf(kind) })) }
    })
  }

  /** A time in ms since 1970 on the clock of followers. Null, which is never: infinity. */
  timeAt(time: number | null): number {
    return time === null ? Number.POSITIVE_INFINITY : this.now() + time - this.services.now()
  }

  /** Counts a follower that is disconnected. */
  countCut({ kind }: Follower, reason: CutReason): void {
    this.services.metrics.counter('emaki.listeners.cut', kind, reason).add()
  }

  /** The number of followers. */
  get count(): number {
    return this.#followers.size
  }

  /** Whether the process stops: no follower may join any more. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Adds a follower. Call the function that it gives to remove the follower. */
  join(follower: Follower): () => void {
    this.#followers.add(follower)
    if (!this.#following) {
      this.#following = new AbortController()
      void this.#followTail(this.#following.signal)
    }
    return () => {
      this.#followers.delete(follower)
      if (this.#followers.size) return
      this.#following?.abort()
      this.#following = null
    }
  }

  /** The feed that all followers with this filter and encoding share. Call `leave` in the end. */
  takeFeed<T, C>(filter: EventFilter, encoding: Encoding<T, C>): { readonly feed: Feed<T, C>; readonly leave: () => void } {
    const feeds = this.#feeds.get(encoding) ?? new Map<string, { readonly feed: unknown; count: number }>()
    this.#feeds.set(encoding, feeds)
    const key = filterKey(filter)
    const shared = feeds.get(key) ?? { feed: new Feed(this.services.tail, this.#readAll, filter, encoding), count: 0 }
    feeds.set(key, shared)
    shared.count++
    const leave = () => {
      if (--shared.count === 0) feeds.delete(key)
    }
    // The feed was made with this encoding.
    return { feed: shared.feed as Feed<T, C>, leave }
  }

  /** The number of feeds in use. */
  get feeds(): number {
    return [...this.#feeds.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Reports the error that ended a follower, unless the store was only unavailable. `about`: the follower's request. */
  reportFailure(cause: unknown, about: NoticeFields): void {
    if (cause instanceof StoreError && cause.reason !== 'refused') return
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `A follower of ${about['path']} was disconnected: ${reason}`
    this.#report(new Notice({ level: 'error', code: 'follower-failed', message, fields: about, cause }))
  }

  /** Stops all followers. None may join from now on. */
  stop(): void {
    this.#isStopping = true
    for (const follower of [...this.#followers]) follower.stop()
  }

  async #followTail(signal: AbortSignal): Promise<void> {
    const { tail } = this.services
    const looking = setInterval(() => this.#checkFollowers(), this.#checkEveryMs)
    for (let seen = tail.head; await tail.wait(seen, signal); ) {
      // The caller of the append is answered first.
      await yieldTurn()
      seen = tail.head
      await this.#wakeFollowers()
    }
    clearInterval(looking)
  }

  async #wakeFollowers(): Promise<void> {
    let since = performance.now()
    for (const follower of this.#followers) {
      follower.wake()
      if (performance.now() - since < SLICE_MS) continue
      await yieldTurn()
      since = performance.now()
    }
  }

  #checkFollowers(): void {
    const now = this.now()
    for (const follower of [...this.#followers]) follower.check(now)
  }
}

function yieldTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
