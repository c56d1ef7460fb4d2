// All followers of an open connection: it wakes them together, looks after them every second, and ends them together.
import type { Services } from '../../src/runtime.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { limitConcurrency } from '../../src/lib/semaphore.ts'
import { type Encoding, Feed } from './feed.ts'
import { type EventFilter, keyOf } from './filter.ts'

/** How often followers are looked after: a silent one gets a sign of life, a stalled one is given up. In ms. */
const LOOK_EVERY_MS = 1_000
/** So many followers may read the log at once: when all come back at the same time, commands need the store too. */
const READS_MAX = 2
/** So long a wake-up may take before other work gets its turn, in ms. */
const SLICE_MS = 10

/** A follower. None of its functions throws. */
export type Follower = {
  /** The log may have more events. */
  readonly wake: () => void
  /** Called about once a second. */
  readonly look: (now: number) => void
  /** The process stops. */
  readonly stop: () => void
}

export type LiveOptions = {
  /** Gets the error that ended a follower, unless the store was only away. */
  readonly report: (error: unknown) => void
  /** A clock, in ms. Default: the machine's. */
  readonly now?: () => number
  readonly lookEveryMs?: number
}

export class Live {
  readonly services: Services
  readonly now: () => number
  readonly #report: (error: unknown) => void
  readonly #lookEveryMs: number
  readonly #read: Store['readAll']
  readonly #followers = new Set<Follower>()
  /** Feeds in use, by how they are written, and by filter; `count` is how many use one. */
  readonly #feeds = new Map<object, Map<string, { readonly feed: unknown; count: number }>>()
  #following: AbortController | null = null
  #isStopping = false

  constructor(services: Services, { report, now = () => performance.now(), lookEveryMs = LOOK_EVERY_MS }: LiveOptions) {
    this.services = services
    this.#report = report
    this.now = now
    this.#lookEveryMs = lookEveryMs
    const oneOfFew = limitConcurrency(READS_MAX)
    this.#read = options => oneOfFew(() => services.store.readAll(options))
  }

  /** The number of followers. */
  get count(): number {
    return this.#followers.size
  }

  /** Whether it takes no more followers. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Takes a follower, until the returned function is called. */
  join(follower: Follower): () => void {
    this.#followers.add(follower)
    if (!this.#following) {
      this.#following = new AbortController()
      void this.#follow(this.#following.signal)
    }
    return () => {
      this.#followers.delete(follower)
      if (this.#followers.size) return
      this.#following?.abort()
      this.#following = null
    }
  }

  /** The feed that all followers with this filter and encoding share; `leave` it in the end. */
  feed<T, C>(filter: EventFilter, encoding: Encoding<T, C>): { readonly feed: Feed<T, C>; readonly leave: () => void } {
    const feeds = this.#feeds.get(encoding) ?? new Map<string, { readonly feed: unknown; count: number }>()
    this.#feeds.set(encoding, feeds)
    const key = keyOf(filter)
    const shared = feeds.get(key) ?? { feed: new Feed(this.services.tail, this.#read, filter, encoding), count: 0 }
    feeds.set(key, shared)
    shared.count++
    const leave = () => {
      if (--shared.count === 0) feeds.delete(key)
    }
    // A feed under an encoding was made with it.
    return { feed: shared.feed as Feed<T, C>, leave }
  }

  /** The number of feeds in use. */
  get feeds(): number {
    return [...this.#feeds.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Takes the error that ended a follower. */
  fail(error: unknown): void {
    if (!(error instanceof StoreError) || error.reason === 'refused') this.#report(error)
  }

  /** Ends all followers, and takes no more. */
  stop(): void {
    this.#isStopping = true
    for (const follower of [...this.#followers]) follower.stop()
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { tail } = this.services
    const looking = setInterval(() => this.#look(), this.#lookEveryMs)
    for (let seen = tail.head; await tail.wait(seen, signal); ) {
      // The caller of the append is answered first.
      await immediate()
      seen = tail.head
      await this.#wake()
    }
    clearInterval(looking)
  }

  async #wake(): Promise<void> {
    let since = performance.now()
    for (const follower of this.#followers) {
      follower.wake()
      if (performance.now() - since < SLICE_MS) continue
      await immediate()
      since = performance.now()
    }
  }

  #look(): void {
    const now = this.now()
    for (const follower of [...this.#followers]) follower.look(now)
  }
}

function immediate(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
