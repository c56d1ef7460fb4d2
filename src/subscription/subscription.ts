// One subscription: takes its lease, reads on from its checkpoint, has a consumer take each page, and makes what it did durable.
import type { Lease, NewPage, ReadModel } from '../read-model/read-model.ts'
import { type Filter, type Store, type StoredEvent, StoreError } from '../store/store.ts'
import { type Trace, untraced } from '../trace/trace.ts'
import { Reader } from './reader.ts'
import type { Tail } from './tail.ts'

/** What is done with the events of a subscription. */
export type Consumer = {
  /** A lease was just taken: what was known before may be out of date. */
  readonly begin: (lease: Lease) => Promise<void>
  /** The lease is lost, or about to be given back. */
  readonly end?: () => Promise<void>
  /** Handles events in order. `about` is told what is about to be handled, where an earlier owner ended while it did. */
  readonly take: (events: readonly StoredEvent[], about: About | null) => Promise<void>
  /** How much is not durable yet, in characters; null: nothing. */
  readonly pending: () => number | null
  /** Writes all that was taken, with the checkpoint; false: another has taken over. */
  readonly save: (guard: Guard) => Promise<boolean>
  /** The most events it takes at once. Default: what a page holds. */
  readonly eventsMax?: number
  /** Whether something is parked, which may be asked for again. */
  readonly isTended: () => boolean
  /** Once a second, where it is and nothing is pending: what was asked for from outside. */
  readonly tend: (guard: Guard) => Promise<void>
}
/** The part of a page that says who writes, and from where to where. */
export type Guard = Pick<NewPage, 'name' | 'epoch' | 'from' | 'to' | 'ttlMs'>
export type About = (position: number, key: string | null) => Promise<void>

export type SubscriptionOptions = {
  readonly store: Store
  readonly tail: Tail
  readonly name: string
  readonly filter: Filter | null
  /** Where a new subscription begins. */
  readonly start: 'beginning' | 'now' | number
  /** How long a lease holds without being renewed, in ms. */
  readonly leaseMs: number
  /** Who this process is. */
  readonly owner: string
  readonly consumer: Consumer
  readonly trace: Trace
  /** Told of failures that nobody waits for. */
  readonly report: (error: unknown) => void
  readonly now: () => number
  /** How much time has passed, in ms. Default: the machine's. */
  readonly clock?: () => number
}

/** Rows and checkpoint become durable at least this often, however far behind the head. */
const SAVE_EVERY_MS = 10_000
/** A checkpoint that moved past events that did not concern it is kept within this time. */
const SAVE_IDLE_MS = 1_000
const TEND_EVERY_MS = 1_000
/** What may wait in memory to be written in bulk, in characters. */
const PENDING_MAX = 134_217_728
const BACK_OFF_FIRST_MS = 20
const BACK_OFF_MAX_MS = 5_000
/** A step is linked to so many of those whose events it handles. */
const LINKS_MAX = 128
/** Taken over at one position, it goes on in small pages for so many events. Each is kept, so what ends it again is in the first of them. */
const SMALL_PAGE_EVENTS = 64
const CAREFUL_EVENTS = 5_000
/** Taken over so often at one position, that first page is handled event by event. */
const TAKEOVERS_MAX = 3
/** An event at which so many owners in a row have ended is taken for the reason. One alone may have been slow, or killed by anybody. */
const SUSPECT_TIMES_MAX = 2

/** Another process has taken the subscription over. */
class Fenced extends Error {}

export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #readModel: ReadModel
  readonly #clock: () => number
  readonly #reader: Reader
  readonly #waiters = new Set<() => void>()
  #lease: Lease | null = null
  #saved = 0
  #taken = 0
  #savedAt = 0
  #tendedAt = 0
  /** How many events are still handled in small pages, and whether the next ones one by one. */
  #careful = 0
  #isOneByOne = false
  #failures = 0
  /** The last that was told of before it was handled one by one, and under which epoch. */
  #told: { readonly epoch: number; readonly position: number; readonly key: string | null } | null = null
  #isFenced = false
  #isClosed = false
  #running: Promise<void> | null = null
  #wake: () => void = () => {}

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#clock = options.clock ?? (() => performance.now())
    this.#readModel = options.store.readModel
    this.#reader = new Reader(options.store, options.tail, options.filter, options.consumer.eventsMax)
  }

  get name(): string {
    return this.#options.name
  }

  /** Whether this process moves the subscription on. */
  get isOwner(): boolean {
    return this.#lease !== null
  }

  /** The checkpoint as far as this process knows it. */
  get position(): number {
    return this.#saved
  }

  /** How far it has looked, which need not be durable yet. */
  get taken(): number {
    return Math.max(this.#taken, this.#saved)
  }

  /** How many events of the log it has not looked at, at most. */
  get lagEvents(): number {
    return Math.max(0, this.#options.tail.head - this.#saved)
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Makes durable what was taken, and gives the lease back. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake()
    await this.#running
  }

  /** Calls back when the checkpoint moves; gives the function that ends it. Whoever calls waits, so checkpoints are kept at once. */
  onMove(moved: () => void): () => void {
    this.#waiters.add(moved)
    if (this.#taken > this.#saved) this.#wake()
    return () => this.#waiters.delete(moved)
  }

  /** What another process says of the checkpoint. */
  learn(position: number): void {
    if (!this.#lease) this.#moved(position)
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const lease = await this.#acquire()
        if (lease) await this.#follow(lease)
        else await this.#sleep(this.#options.leaseMs / 4)
        this.#failures = 0
      } catch (error) {
        if (!(error instanceof Fenced) && !this.#isClosed) {
          if (!(error instanceof StoreError)) this.#options.report(error)
          await this.#sleep(Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** this.#failures++))
        }
      }
    }
  }

  async #acquire(): Promise<Lease | null> {
    const { name, owner, leaseMs, start, tail, store } = this.#options
    const from = start === 'beginning' ? 0 : start === 'now' ? Math.max(tail.head, await store.head()) : start
    const lease = await this.#readModel.acquire(name, { owner, ttlMs: leaseMs, start: from })
    return lease && this.#isOwn(lease) ? { ...lease, suspect: null } : lease
  }

  /** Whether what is suspect is only what this process was at when the store failed: it did not end of it. */
  #isOwn({ epoch, suspect }: Lease): boolean {
    const told = this.#told
    return told?.epoch === epoch - 1 && told.position === suspect?.position && told.key === suspect.key
  }

  async #follow(lease: Lease): Promise<void> {
    const { consumer, leaseMs } = this.#options
    this.#lease = lease
    this.#isFenced = false
    this.#taken = lease.position
    this.#savedAt = this.#clock()
    this.#careful = lease.takeovers > 0 || lease.suspect ? CAREFUL_EVENTS : 0
    this.#isOneByOne = lease.takeovers >= TAKEOVERS_MAX || lease.suspect !== null
    this.#moved(lease.position)
    const renewing = setInterval(() => void this.#renew(lease), leaseMs / 3)
    try {
      await consumer.begin(isBlamed(lease) ? lease : { ...lease, suspect: null })
      while (!this.#isClosed) await this.#step(lease)
      await this.#save(lease)
    } finally {
      await consumer.end?.()
      clearInterval(renewing)
      this.#lease = null
      if (this.#isClosed) await this.#readModel.release(lease.name, lease.epoch)
    }
  }

  async #step(lease: Lease): Promise<void> {
    if (this.#isFenced) throw new Fenced()
    const isCareful = this.#careful > 0
    const page = await this.#reader.next(this.#taken, isCareful ? SMALL_PAGE_EVENTS : undefined)
    if (page) {
      if (page.events.length) await this.#traced(page.events, () => this.#take(page.events, lease))
      this.#taken = page.to
    }
    if (isCareful || this.#isDue(page === null || this.#taken >= this.#options.tail.head)) await this.#save(lease)
    if (this.#clock() - this.#tendedAt > TEND_EVERY_MS) await this.#tend(lease)
    if (!page) await this.#pause()
  }

  async #tend(lease: Lease): Promise<void> {
    const { consumer } = this.#options
    if (consumer.isTended()) {
      await this.#save(lease)
      await consumer.tend(this.#guard(lease))
    }
    this.#tendedAt = this.#clock()
  }

  #take(events: readonly StoredEvent[], lease: Lease): Promise<void> {
    if (this.#careful <= 0) return this.#options.consumer.take(events, null)
    this.#careful -= events.length
    return inTurn(() => this.#takeCarefully(events, lease))
  }

  async #takeCarefully(events: readonly StoredEvent[], lease: Lease): Promise<void> {
    const { consumer } = this.#options
    if (!this.#isOneByOne) return consumer.take(events, null)
    this.#isOneByOne = false
    await consumer.take(events, async (position, key) => {
      this.#told = { epoch: lease.epoch, position, key }
      const before = lease.suspect
      const times = before?.position === position && before.key === key ? before.times + 1 : 1
      if (!(await this.#readModel.suspect(lease.name, lease.epoch, { position, key, times }))) throw new Fenced()
    })
    if (!(await this.#readModel.suspect(lease.name, lease.epoch, null))) throw new Fenced()
  }

  /** One step for a page, linked to what appended its events. */
  #traced(events: readonly StoredEvent[], take: () => Promise<void>): Promise<void> {
    const { trace, name } = this.#options
    if (trace === untraced) return take()
    const parents = events.slice(0, LINKS_MAX).map(({ meta }) => {
      const { traceparent } = JSON.parse(meta) as { readonly traceparent?: string }
      return traceparent === undefined ? null : { traceparent }
    })
    return trace.step('process', parents, { 'emaki.subscription': name, 'emaki.events': events.length }, take)
  }

  #isDue(isAtHead: boolean): boolean {
    if (this.#taken === this.#saved) return this.#options.consumer.pending() !== null
    const pending = this.#options.consumer.pending()
    const since = this.#clock() - this.#savedAt
    if (pending === null) return this.#waiters.size > 0 || since > SAVE_IDLE_MS
    return isAtHead || pending > PENDING_MAX || since > SAVE_EVERY_MS
  }

  async #save(lease: Lease): Promise<void> {
    const { consumer } = this.#options
    if (this.#taken === this.#saved && consumer.pending() === null) return
    if (!(await consumer.save(this.#guard(lease)))) throw new Fenced()
    this.#failures = 0
    this.#savedAt = this.#clock()
    this.#moved(this.#taken)
  }

  #guard({ name, epoch }: Lease): Guard {
    return { name, epoch, from: this.#saved, to: this.#taken, ttlMs: this.#options.leaseMs }
  }

  async #renew({ name, epoch }: Lease): Promise<void> {
    try {
      if (await this.#readModel.renew(name, epoch, this.#options.leaseMs)) return
      this.#isFenced = true
      this.#wake()
    } catch {
      // The store is away; the lease ends by itself if it stays so.
    }
  }

  #moved(position: number): void {
    this.#saved = position
    for (const moved of this.#waiters) moved()
  }

  /** Until there are events, or something else to do. */
  async #pause(): Promise<void> {
    const { tail } = this.#options
    const stop = new AbortController()
    this.#wake = () => stop.abort()
    const timer = setTimeout(this.#wake, this.#taken > this.#saved ? SAVE_IDLE_MS : TEND_EVERY_MS)
    if (this.#isClosed || this.#isFenced || (this.#taken > this.#saved && this.#waiters.size > 0)) stop.abort()
    await tail.wait(this.#taken, stop.signal)
    clearTimeout(timer)
    this.#wake = () => {}
  }

  #sleep(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function isBlamed({ suspect }: Lease): boolean {
  return suspect !== null && suspect.times >= SUSPECT_TIMES_MAX
}

/** How long a careful page waits for that of another subscription, in ms. */
const TURN_MAX_MS = 1_000
let last: Promise<void> = Promise.resolve()

/** One careful page after the other, of all in this process: else what ends it would leave suspects where it only happened to be. */
async function inTurn(run: () => Promise<void>): Promise<void> {
  const before = last
  const { promise, resolve } = Promise.withResolvers<void>()
  last = promise
  await Promise.race([before, Bun.sleep(TURN_MAX_MS)])
  try {
    await run()
  } finally {
    resolve()
  }
}
