// All who follow something over an open connection: they are woken together, hear from us when there is nothing, and end together.
import type { Runtime } from '../../src/runtime.ts'
import { type Store, StoreError } from '../../src/store/store.ts'
import { atOnce } from '../../src/lib/semaphore.ts'
import { type Encoding, Feed } from './feed.ts'
import { type EventFilter, keyOf } from './filter.ts'

/** How often is looked for whom to tell that we are there, and whom to give up, in ms. */
const LOOK_EVERY_MS = 1_000
/** How many may read the log at once: when all come back at the same time, commands have to be served besides. */
const READS_MAX = 2
/** How long waking may take before others get their turn, in ms. */
const SLICE_MS = 10

/** Somebody who follows. None of it throws. */
export type Follower = {
  /** There may be more. */
  readonly wake: () => void
  /** Called about once a second. */
  readonly look: (now: number) => void
  /** The process stops. */
  readonly stop: () => void
}

export type LiveOptions = {
  /** Told of what ended a follower and is no store that is away for now. */
  readonly report: (error: unknown) => void
  /** A clock, in ms. Default: the machine's. */
  readonly now?: () => number
  readonly lookEveryMs?: number
}

export class Live {
  readonly runtime: Runtime
  readonly now: () => number
  readonly #report: (error: unknown) => void
  readonly #lookEveryMs: number
  readonly #read: Store['readAll']
  readonly #followers = new Set<Follower>()
  /** Feeds in use, by how they are written, and by filter; `count` is how many use one. */
  readonly #feeds = new Map<object, Map<string, { readonly feed: unknown; count: number }>>()
  #following: AbortController | null = null
  #isStopping = false

  constructor(runtime: Runtime, { report, now = () => performance.now(), lookEveryMs = LOOK_EVERY_MS }: LiveOptions) {
    this.runtime = runtime
    this.#report = report
    this.now = now
    this.#lookEveryMs = lookEveryMs
    const oneOfFew = atOnce(READS_MAX)
    this.#read = options => oneOfFew(() => runtime.store.readAll(options))
  }

  /** How many follow. */
  get count(): number {
    return this.#followers.size
  }

  /** Whether it takes nobody any more. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Takes somebody in; gives what lets them go. */
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

  /** What all share who follow with this filter in this writing; `leave` it in the end. */
  feed<T, C>(filter: EventFilter, encoding: Encoding<T, C>): { readonly feed: Feed<T, C>; readonly leave: () => void } {
    const feeds = this.#feeds.get(encoding) ?? new Map<string, { readonly feed: unknown; count: number }>()
    this.#feeds.set(encoding, feeds)
    const key = keyOf(filter)
    const shared = feeds.get(key) ?? { feed: new Feed(this.runtime.tail, this.#read, filter, encoding), count: 0 }
    feeds.set(key, shared)
    shared.count++
    const leave = () => {
      if (--shared.count === 0) feeds.delete(key)
    }
    // What is kept under an encoding was made of it.
    return { feed: shared.feed as Feed<T, C>, leave }
  }

  /** How many feeds are in use. */
  get feeds(): number {
    return [...this.#feeds.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Takes what a follower ended with. */
  failed(error: unknown): void {
    if (!(error instanceof StoreError) || error.reason === 'refused') this.#report(error)
  }

  /** Ends all who follow, and takes nobody any more. */
  stop(): void {
    this.#isStopping = true
    for (const follower of [...this.#followers]) follower.stop()
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { tail } = this.runtime
    const looking = setInterval(() => this.#look(), this.#lookEveryMs)
    for (let seen = tail.head; await tail.wait(seen, signal); ) {
      // Whoever waits for the append is answered first.
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
