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
import type { Report } from '../ports/report/notice.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import type { Announce, Consumer, PageGuard } from './consumer.ts'
import { Parking } from './parking.ts'
import { ProcessorAttempts, type SendFor, type Sleep } from './processor-attempts.ts'
import { ProcessorRetries } from './processor-retries.ts'
import { PAGE_EVENTS_MAX } from './reader.ts'
import type { KeyedEvent } from './retry-queue.ts'

export type ProcessorRunnerOptions = {
  readonly report: Report
  readonly send: SendFor
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
  /** Ends the work under one lease. */
  #stop = new AbortController()
  #isStopped = false
  /** The batches that are being handled. */
  readonly #running = new Set<readonly KeyedEvent[]>()

  constructor(store: Store, processor: ProcessorSpec, options: ProcessorRunnerOptions) {
    const { report, send, reads, sleep = sleepFor, now = Date.now, random = Math.random } = options
    this.#store = store
    this.#processor = processor
    this.#parking = new Parking(store, eventReader(processor.families), report)
    const attempts = new ProcessorAttempts(store, processor, { send, reads, sleep, report })
    const inTurn = limitConcurrency(processor.parallelism)
    this.#attempt = (batch, attempt, signal) =>
      inTurn(() => {
        this.#running.add(batch)
        return attempts.attempt(batch, attempt, signal).finally(() => this.#running.delete(batch))
      })
    const keyedEvents = (stored: StoredEvent) => this.#keyedEvents(stored)
    const parts = { store, processor, parking: this.#parking, attempt: this.#attempt, keyedEvents }
    this.#retries = new ProcessorRetries({ ...parts, report, sleep, now, random })
    this.eventsMax = Math.min(PAGE_EVENTS_MAX, processor.batchSize * processor.parallelism * BATCHES_AHEAD)
  }

  /** Ends the waits between attempts, and aborts the signals of running attempts. */
  stop(): void {
    this.#isStopped = true
    this.#stop.abort()
  }

  begin = async (lease: Lease): Promise<void> => {
    this.#stop = new AbortController()
    if (this.#isStopped) this.#stop.abort()
    this.#retries.begin(lease.position, this.#stop.signal)
    await this.#parking.load(lease)
  }

  end = async (): Promise<void> => {
    this.#stop.abort()
    await this.#retries.end()
  }

  handle = async (stored: readonly StoredEvent[], announce: Announce | null): Promise<void> => {
    const events = stored.flatMap(one => this.#keyedEvents(one))
    if (announce) await this.#handleAnnounced(events, announce)
    else await this.#handleSideBySide(events)
    const last = stored.at(-1)
    if (last) this.#retries.endPage(last.position)
  }

  current = (): { readonly key: string; readonly position: number } | null => {
    const [batch] = this.#running
    return batch ? { key: batch[0]!.key, position: batch[0]!.stored.position } : null
  }

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

  async #handleAnnounced(events: readonly KeyedEvent[], announce: Announce): Promise<void> {
    for (const event of events) {
      await announce(event.stored.position, event.key)
      await this.#handleBatch([event])
    }
  }

  async #handleSideBySide(events: readonly KeyedEvent[]): Promise<void> {
    const chains = this.#chainsByKey(events)
    // Each worker takes the next chain, so that a long chain delays no other.
    const next = chains.values()
    const work = async () => {
      for (const chain of next) await this.#handleInOrder(chain)
    }
    await Promise.all(Array.from({ length: Math.min(chains.length, this.#processor.parallelism) }, work))
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

  /** Handles events batch by batch. */
  async #handleInOrder(events: readonly KeyedEvent[]): Promise<void> {
    const { batchSize } = this.#processor
    for (let i = 0; i < events.length; i += batchSize) await this.#handleBatch(events.slice(i, i + batchSize))
  }

  /** Handles a batch. If that fails, each of its keys is tried again by itself. */
  async #handleBatch(events: readonly KeyedEvent[]): Promise<void> {
    const batch = events.filter(event => !this.#parking.hasKey(event.key) && !this.#retries.take(event))
    if (!batch.length) return
    const error = await this.#attempt(batch, 1, this.#stop.signal)
    if (error !== null) this.#retries.retryLater(batch, error)
  }
}
