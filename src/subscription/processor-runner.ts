// Runs a processor: gives events to its handler in order by key, some keys side by side. A key whose event fails leaves
// the page, so the other keys and the checkpoint go on without it.
import { eventReader } from '../definitions/event/fingerprints.ts'
import { readInFamilies } from '../definitions/event/families.ts'
import { isHistory } from '../definitions/event/recorded.ts'
import { type ProcessorSpec, canHandle } from '../definitions/processor.ts'
import type { Reads } from '../definitions/reads.ts'
import { limitConcurrency } from '../lib/semaphore.ts'
import { sleep as sleepFor } from '../lib/sleep.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import { checkKey } from '../ports/read-model/storable.ts'
import { type Counter, type Meter, unmetered } from '../ports/metrics/meter.ts'
import { setRunMeter } from '../ports/metrics/run-meter.ts'
import type { Report } from '../ports/report/notice.ts'
import { setRunReport } from '../ports/report/run-report.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Baggages } from '../ports/trace/baggage.ts'
import type { Store } from '../ports/store/store.ts'
import type { Announce, Consumer, PageGuard, StopAsked } from './consumer.ts'
import { Parking } from './parking.ts'
import { ProcessorAttempts, type SendFor, type Sleep } from './processor-attempts.ts'
import { ProcessorRetries } from './processor-retries.ts'
import { PAGE_EVENTS_MAX } from './reader.ts'
import type { KeyedEvent } from './retry-queue.ts'

export type ProcessorRunnerOptions = {
  readonly report: Report
  /** Default: nothing is measured. */
  readonly metrics?: Meter
  readonly send: SendFor
  /** The baggage of young events. Default: they have none. */
  readonly baggages?: Pick<Baggages, 'of'>
  /** The reads of handlers, once there are any. */
  readonly reads: () => Reads
  readonly sleep?: Sleep
  /** The clock, in ms since 1970. Default: the machine's. */
  readonly now?: () => number
  /** A random number, at least 0 and below 1. Default: Math.random. */
  readonly random?: () => number
}

const BATCHES_AHEAD = 16

export class ProcessorRunner implements Consumer {
  readonly #store: Store
  readonly #processor: ProcessorSpec
  readonly #parking: Parking
  readonly #retries: ProcessorRetries
  readonly #attempt: (batch: readonly KeyedEvent[], attempt: number, signal: AbortSignal) => Promise<unknown>
  /** The most events of a page. It is small, because after a crash events are handled again from the checkpoint on. */
  readonly eventsMax: number
  readonly target: ProcessorSpec['target']
  /** Ends the work under one lease. */
  readonly #meter: Meter
  readonly #report: Report
  readonly #given: Counter
  #stop = new AbortController()
  /** Ends what begins handling: with the work, and once a handler has asked to stop. */
  #beginning = new AbortController()
  #asked: Omit<StopAsked, 'handledTo'> | null = null
  /** The position up to which a page was handled that was left. */
  #handledTo = Number.POSITIVE_INFINITY
  #isStopped = false
  /** The batches that are being handled. */
  readonly #running = new Set<readonly KeyedEvent[]>()

  constructor(store: Store, processor: ProcessorSpec, options: ProcessorRunnerOptions) {
    const { report, metrics = unmetered, baggages, send, reads, sleep = sleepFor, now = Date.now, random = Math.random } = options
    this.#store = store
    this.#meter = metrics
    this.#report = report
    this.#given = metrics.counter('emaki.subscription.events', processor.name)
    this.#processor = processor
    this.target = processor.target
    this.#parking = new Parking(store, eventReader(processor.families), report)
    const attempts = new ProcessorAttempts(store, processor, {
      send,
      ...(baggages && { baggages }),
      reads,
      sleep,
      report,
      onStop: asked => this.#endBeginning(asked),
    })
    const inTurn = limitConcurrency(processor.parallelism)
    this.#attempt = (batch, attempt, signal) =>
      inTurn(async () => {
        signal.throwIfAborted()
        this.#running.add(batch)
        return attempts.attempt(batch, attempt, this.#stop.signal).finally(() => this.#running.delete(batch))
      })
    const keyedEvents = (stored: StoredEvent) => this.#keyedEvents(stored)
    const parts = { store, processor, parking: this.#parking, attempt: this.#attempt, keyedEvents }
    this.#retries = new ProcessorRetries({ ...parts, report, sleep, now, random })
    this.eventsMax = Math.min(PAGE_EVENTS_MAX, processor.batchSize * processor.parallelism * BATCHES_AHEAD)
  }

  /** Ends the waits between attempts, and aborts the signals of running attempts. */
  stop(): void {
    this.#isStopped = true
    this.#abort()
  }

  begin = async (lease: Lease): Promise<void> => {
    this.#stop = new AbortController()
    setRunMeter(this.#stop.signal, this.#meter)
    setRunReport(this.#stop.signal, this.#report)
    this.#beginning = new AbortController()
    this.#asked = null
    this.#handledTo = Number.POSITIVE_INFINITY
    if (this.#isStopped) this.#abort()
    this.#retries.begin(lease.position, this.#beginning.signal, this.#stop.signal)
    await this.#parking.load(lease)
  }

  end = async (): Promise<void> => {
    this.#abort()
    await this.#retries.end()
  }

  handle = async (stored: readonly StoredEvent[], announce: Announce | null): Promise<void> => {
    const events = stored.flatMap(one => this.#keyedEvents(one))
    const left = announce ? await this.#handleInOrder(events, announce) : await this.#handleSideBySide(events)
    if (left.length) this.#handledTo = this.#leave(events, left)
    const last = stored.at(-1)
    if (last) this.#retries.endPage(Math.min(last.position, this.#handledTo))
  }

  stopAsked = async (): Promise<StopAsked | null> => {
    if (!this.#asked) return null
    await this.#retries.end()
    return { ...this.#asked, handledTo: this.#handledTo }
  }

  current = (): { readonly key: string; readonly position: number } | null => {
    const [batch] = this.#running
    return batch ? { key: batch[0]!.key, position: batch[0]!.stored.position } : null
  }

  readonly countsEvents = true

  /** Whether so many keys are in retry that no new events should be handled. */
  isFull = (): boolean => this.#retries.isFull

  /** Always more than the bound, so that a key in retry is durable before the next page. */
  pendingSize = (): number | null => (this.#parking.hasChanges ? Number.POSITIVE_INFINITY : null)

  save = async (guard: PageGuard): Promise<boolean> => {
    const page = { ...guard, rows: [], ...this.#parking.changes }
    const isSaved = await this.#store.readModel.commit(page)
    if (isSaved) this.#parking.markWritten(page)
    return isSaved
  }

  hasParked = (): boolean => !this.#parking.isEmpty || this.#retries.keys > 0

  retryParked = (guard: PageGuard): Promise<void> => this.#retries.retryParked(guard)

  #abort(): void {
    this.#beginning.abort()
    this.#stop.abort()
  }

  #endBeginning(asked: Omit<StopAsked, 'handledTo'>): void {
    this.#asked ??= asked
    this.#beginning.abort()
  }

  /**
   * Leaves events of a page unhandled. Those before an event that is handled are noted by their keys, and the others come
   * again after the stop. Gives the position up to which all events are handled or noted.
   */
  #leave(events: readonly KeyedEvent[], left: readonly KeyedEvent[]): number {
    const isLeft = new Set(left)
    const handledTo = events.findLast(event => !isLeft.has(event))?.stored.position ?? 0
    const to = Math.max(handledTo, Math.min(...left.map(({ stored }) => stored.position)) - 1)
    for (const [first] of Map.groupBy(left, ({ key }) => key).values())
      if (first!.stored.position <= to) this.#retries.leave(first!)
    return to
  }

  /** Gives the events that it has left. */
  async #handleSideBySide(events: readonly KeyedEvent[]): Promise<readonly KeyedEvent[]> {
    const left: KeyedEvent[] = []
    const chains = this.#chainsByKey(events)
    // Each worker takes the next chain, so that a long chain delays no other.
    const next = chains.values()
    const work = async () => {
      for (const chain of next) left.push(...(await this.#handleInOrder(chain)))
    }
    await Promise.all(Array.from({ length: Math.min(chains.length, this.#processor.parallelism) }, work))
    return left
  }

  /**
   * Divides events into chains that are handled side by side, each in order. A chain has one key, or several if batches
   * have several events.
   */
  #chainsByKey(events: readonly KeyedEvent[]): readonly (readonly KeyedEvent[])[] {
    const { parallelism, batchSize } = this.#processor
    if (parallelism === 1) return [events]
    const chainOf = ({ key }: KeyedEvent) => (batchSize === 1 ? key : Number(Bun.hash.xxHash64(key) % BigInt(parallelism)))
    return [...Map.groupBy(events, chainOf).values()]
  }

  #keyedEvents(stored: StoredEvent): readonly KeyedEvent[] {
    if (isHistory(stored) || this.#parking.hasStream(stored.stream)) return []
    try {
      return readInFamilies(this.#processor.families, stored).flatMap((event, part) =>
        canHandle(this.#processor, event) ? [{ stored, part, event, key: this.#keyOf(event) }] : [],
      )
    } catch (error) {
      this.#parking.parkStream(stored, error)
      return []
    }
  }

  #keyOf(event: KeyedEvent['event']): string {
    const { name, key } = this.#processor
    const found = key(event)
    if (typeof found !== 'string')
      throw new TypeError(`${name}: the key of ${event.type} gave ${Bun.inspect(found)}, which is no key`)
    checkKey(name, found)
    return found
  }

  /** Handles events batch by batch. Gives those that it has left, because a handler has asked to stop. */
  async #handleInOrder(events: readonly KeyedEvent[], announce: Announce | null = null): Promise<readonly KeyedEvent[]> {
    const batchSize = announce ? 1 : this.#processor.batchSize
    for (let i = 0; i < events.length; i += batchSize) {
      // The parts of one stored event stay together.
      const isPart = events[i]!.stored === events[i - 1]?.stored
      const signal = (isPart ? this.#stop : this.#beginning).signal
      if (!(await this.#handleBatch(events.slice(i, i + batchSize), signal, announce))) return events.slice(i)
    }
    return []
  }

  /** Handles a batch. If that fails, each of its keys is tried again by itself. False: it must not begin any more. */
  async #handleBatch(events: readonly KeyedEvent[], signal: AbortSignal, announce: Announce | null): Promise<boolean> {
    if (this.#asked && signal.aborted) return false
    await announce?.(events[0]!.stored.position, events[0]!.key)
    const batch = events.filter(event => !this.#parking.hasKey(event.key) && !this.#retries.take(event))
    if (!batch.length) return true
    try {
      const error = await this.#attempt(batch, 1, signal)
      this.#given.add(batch.length)
      if (error !== null) this.#retries.retryLater(batch, error)
      return true
    } catch (error) {
      if (this.#asked && signal.aborted) return false
      throw error
    }
  }
}
