// One reader in each process follows the log's head for all that want its events. Events that this process appended
// come from the bus. The rest is read from the log, when the store tells that others have appended.
import type { Bus, Page } from '../ports/bus/bus.ts'
import { backOff } from '../lib/back-off.ts'
import { background } from '../lib/turns.ts'
import { sleep as machineSleep } from '../lib/sleep.ts'
import { BrokenPromise } from '../ports/report/broken-promise.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import { isFull } from '../ports/store/page-size.ts'
import type { Store } from '../ports/store/store.ts'
import { LogEvent } from './log-event.ts'
import { limitAfter, READ_EVENTS_FIRST, READ_SIZE } from './limit.ts'
import { Ring, type RingBounds } from './ring.ts'

/** The bounds of the ring: its events, and the size of their texts in UTF-16 units. */
const RING_EVENTS_MAX = 16_384
const RING_SIZE_MAX = 16 * 1_048_576
/** The wait after a failed read, at first and at most, in ms. */
const RETRY_MS = 10
const RETRY_MS_MAX = 1_000

export type Tail = {
  /** The position up to which this process knows the log. All events up to it are durable. 0 before the start. */
  readonly head: number
  /** How many callers wait. */
  readonly waiting: number
  /**
   * The events after a position, at most so many, from memory. Null: they are not in memory (any more, or yet), so read
   * the log.
   */
  readonly page: (after: number, limit: number) => readonly LogEvent[] | null
  /** Resolves to true when `head` is above `after`, to false when the signal aborts or the tail closes. */
  readonly wait: (after: number, signal?: AbortSignal) => Promise<boolean>
  /**
   * Begins to follow the log from its head. A repeated call gives the same promise. Throws a StoreError if the log
   * cannot be read.
   */
  readonly start: () => Promise<void>
  /** Ends all waits. The tail does not start again. */
  readonly close: () => Promise<void>
}

export type TailOptions = {
  readonly store: Store
  readonly bus: Bus
  readonly report: Report
  /** The bounds of the events in memory. Default: 16 384 events, 16 777 216 UTF-16 units. */
  readonly bounds?: RingBounds
  /** Waits so many ms, or until the signal aborts. Default: by the machine's clock. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Makes a tail. Its store has to be open when it starts. */
export function tail(options: TailOptions): Tail {
  return new LogTail(options)
}

type Waiter = { readonly after: number; readonly end: (grown: boolean) => void }

class LogTail implements Tail {
  readonly #store: Store
  readonly #bus: Bus
  readonly #report: Report
  readonly #failing: Episode
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #bounds: RingBounds
  readonly #closing = new AbortController()
  readonly #waiters = new Set<Waiter>()
  #ring: Ring | null = null
  #starting: Promise<void> | null = null
  #ends: (() => unknown)[] = []
  #reading: Promise<void> | null = null
  /** Whether to read the log once more, because it may have grown since the running read began. */
  #again = false
  /** The time of the last event; '' until it has read one. */
  #lastAt = ''

  constructor({ store, bus, report, sleep = machineSleep, bounds }: TailOptions) {
    this.#store = store
    this.#bus = bus
    this.#report = report
    this.#failing = new Episode({
      report,
      what: 'The head of the log could not be read',
      mend: 'Rows and effects are behind meanwhile.',
      fields: { part: 'log' },
    })
    this.#sleep = sleep
    this.#bounds = bounds ?? { events: RING_EVENTS_MAX, size: RING_SIZE_MAX }
  }

  get head(): number {
    return this.#ring?.last ?? 0
  }

  get waiting(): number {
    return this.#waiters.size
  }

  readonly page = (after: number, limit: number): readonly LogEvent[] | null => {
    return this.#ring?.page(after, limit) ?? null
  }

  readonly wait = (after: number, signal?: AbortSignal): Promise<boolean> => {
    if (this.#closing.signal.aborted || signal?.aborted) return Promise.resolve(false)
    if (this.head > after) return Promise.resolve(true)
    return new Promise(resolve => {
      const end = (grown: boolean) => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', abort)
        resolve(grown)
      }
      const abort = () => end(false)
      const waiter = { after, end }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', abort)
    })
  }

  readonly start = (): Promise<void> => {
    this.#starting ??= this.#start().catch(error => {
      this.#starting = null
      throw error
    })
    return this.#starting
  }

  readonly close = async (): Promise<void> => {
    this.#closing.abort()
    for (const { end } of [...this.#waiters]) end(false)
    await this.#starting?.catch(() => {})
    await Promise.all(this.#ends.splice(0).map(end => end()))
    await this.#reading
  }

  async #start(): Promise<void> {
    if (this.#closing.signal.aborted) return
    // An append meanwhile is not missed: it makes a gap, and a gap is read.
    const ring = new Ring(this.#bounds, await this.#store.head())
    const unwatch = await this.#store.watch(head => this.#learnHead(head), this.#report)
    this.#ring = ring
    this.#ends = [unwatch, this.#bus.listen(page => this.#takeAppended(page))]
    this.#readSoon()
  }

  /**
   * Takes events that this process appended. If they follow the head directly, no event lies between, as positions are
   * whole numbers.
   */
  #takeAppended(page: Page): void {
    const [first] = page
    if (!first || this.#closing.signal.aborted) return
    if (first.position === this.head + 1) this.#grow(page)
    else this.#learnHead(page.at(-1)!.position)
  }

  #learnHead(head: number | null): void {
    if (this.#ring && (head === null || head > this.head)) this.#readSoon()
  }

  #readSoon(): void {
    this.#again = true
    this.#reading ??= this.#read()
  }

  async #read(): Promise<void> {
    let limit = READ_EVENTS_FIRST
    while (this.#again && !this.#closing.signal.aborted) {
      this.#again = false
      try {
        const bounds = { limit, sizeMax: READ_SIZE }
        const page = await this.#store.readAll({ after: this.head, ...bounds })
        this.#failing.succeed()
        // The bus may have brought some of these events meanwhile. The rest follows them, because a read leaves nothing
        // out.
        this.#grow(page.filter(({ position }) => position > this.head))
        if (isFull(page, bounds)) this.#again = true
        limit = limitAfter(limit, page)
        if (this.#again && background.isOver(READ_SIZE)) await background.next()
      } catch (error) {
        this.#again = true
        // The read may have been too much for the store's deadline.
        limit = Math.ceil(limit / 2)
        const failures = this.#failing.fail(error)
        await this.#sleep(backOff(failures, { firstMs: RETRY_MS, maxMs: RETRY_MS_MAX }), this.#closing.signal)
      }
    }
    this.#reading = null
  }

  /** The time of an event is never before that of the one before it in the log. */
  #checkClock(events: Page): void {
    for (const { stream, version, position, at } of events) {
      if (at < this.#lastAt) {
        const message = `${stream} ${version} at position ${position} is of ${at}, and an event before it of ${this.#lastAt}`
        this.#report(new BrokenPromise('clock', message))
      }
      this.#lastAt = at
    }
  }

  #grow(events: Page): void {
    if (!events.length || !this.#ring) return
    this.#checkClock(events)
    this.#ring.push(events.map(event => new LogEvent(event)))
    for (const waiter of [...this.#waiters]) if (waiter.after < this.head) waiter.end(true)
  }
}
