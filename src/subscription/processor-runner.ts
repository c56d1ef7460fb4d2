// Runs a processor: gives events to its handler in order by key, some keys side by side, until each is handled or
// parked.
import type { Command } from '../definitions/decider/command.ts'
import type { Rejection } from '../definitions/decider/reject.ts'
import { readInFamilies } from '../definitions/event/families.ts'
import type { CloudEvent } from '../definitions/event/cloud-event.ts'
import type { Recorded } from '../definitions/event/events.ts'
import { backOff } from '../lib/back-off.ts'
import { sleep as sleepFor } from '../lib/sleep.ts'
import { type ProcessorSpec, canHandle } from '../definitions/processor.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { logPages } from '../ports/store/pages.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { cloudEventOf } from '../transfer/cloud-event.ts'
import type { Announce, Consumer, PageGuard } from './consumer.ts'
import { Parking, type Retries } from './parking.ts'
import { PAGE_EVENTS_MAX } from './reader.ts'

/** Sends a command because of an event, by a key of the framework. */
export type SendFor = (command: Command, key: string, event: Recorded) => Promise<Pick<Rejection, 'code' | 'data'> | null>

/** An event for a processor. `part`: its number among the events that one stored event became; 0 for nearly all. */
type KeyedEvent = { readonly stored: StoredEvent; readonly part: number; readonly event: Recorded; readonly key: string }

const RETRY = { firstMs: 50, maxMs: 10_000 }
const BATCHES_AHEAD = 16

export class ProcessorRunner implements Consumer {
  readonly #store: Store
  readonly #readModel: ReadModel
  readonly #processor: ProcessorSpec
  readonly #send: SendFor
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #parking: Parking
  /** The most events of a page. It is small, because after a crash events are handled again from the checkpoint on. */
  readonly eventsMax: number
  readonly #stop = new AbortController()

  constructor(
    store: Store,
    processor: ProcessorSpec,
    send: SendFor,
    report: Report,
    sleep: (ms: number, signal: AbortSignal) => Promise<void> = sleepFor,
  ) {
    this.#send = send
    this.#store = store
    this.#readModel = store.readModel
    this.#processor = processor
    this.#sleep = sleep
    this.#parking = new Parking(store, report)
    this.eventsMax = Math.min(PAGE_EVENTS_MAX, processor.batchSize * processor.parallelism * BATCHES_AHEAD)
  }

  /** Ends the waits between attempts, and aborts the signals of running attempts. */
  stop(): void {
    this.#stop.abort()
  }

  begin = (lease: Lease): Promise<void> => this.#parking.load(lease)

  handle = async (stored: readonly StoredEvent[], announce: Announce | null): Promise<void> => {
    const events = stored.flatMap(one => this.#keyedEvents(one))
    if (announce) {
      for (const event of events) {
        await announce(event.stored.position, event.key)
        await this.#handleInOrder([event])
      }
      return
    }
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

  pendingSize = (): number | null => (this.#parking.hasChanges ? 1 : null)

  save = async (guard: PageGuard): Promise<boolean> => {
    const page = { ...guard, rows: [], ...this.#parking.changes }
    const isSaved = await this.#readModel.commit(page)
    if (isSaved) this.#parking.markWritten(page)
    return isSaved
  }

  hasParked = (): boolean => !this.#parking.isEmpty

  retryParked = async (guard: PageGuard): Promise<void> => {
    const retries = await this.#parking.readRetries(guard.name)
    if (!retries) return
    for (const place of retries.parked) this.#parking.release(place)
    const range = { after: retries.first - 1, until: guard.to, filter: this.#processor.filter, seesHoles: false }
    for await (const page of logPages(this.#store, range)) await this.#handleInOrder(this.#retriedEvents(page, retries))
    await this.save(guard)
  }

  #retriedEvents(page: readonly StoredEvent[], retries: Retries): readonly KeyedEvent[] {
    return page
      .filter(stored => !retries.skipsEvent(stored))
      .flatMap(stored => this.#keyedEvents(stored))
      .filter(({ key, stored }) => retries.isCovered(key, stored) && !retries.skipsForKey(key, stored.position))
  }

  #keyedEvents(stored: StoredEvent): readonly KeyedEvent[] {
    if (this.#parking.hasStream(stored.stream)) return []
    try {
      return readInFamilies(this.#processor.families, stored).flatMap((event, part) =>
        canHandle(this.#processor, event) ? [{ stored, part, event, key: this.#processor.key(event) }] : [],
      )
    } catch (error) {
      this.#parking.parkStream(stored, error)
      return []
    }
  }

  /**
   * Handles events batch by batch. If every attempt at a batch fails, its events are handled one by one, so that only
   * one key is parked.
   */
  async #handleInOrder(events: readonly KeyedEvent[]): Promise<void> {
    const { batchSize, attempts } = this.#processor
    for (let i = 0; i < events.length; i += batchSize) {
      const batch = events.slice(i, i + batchSize).filter(({ key }) => !this.#parking.hasKey(key))
      const error = await this.#tryBatch(batch, attempts)
      if (error === null) continue
      if (batch.length === 1) this.#parkKey(batch[0]!, error)
      else await this.#handleOneByOne(batch)
    }
  }

  async #handleOneByOne(batch: readonly KeyedEvent[]): Promise<void> {
    for (const event of batch) {
      if (this.#parking.hasKey(event.key)) continue
      const error = await this.#tryBatch([event], 1)
      if (error !== null) this.#parkKey(event, error)
    }
  }

  #parkKey({ key, stored }: KeyedEvent, error: unknown): void {
    this.#parking.parkKey(key, stored.position, error)
  }

  /** Tries to handle a batch. Gives null, or the error of the last attempt. Throws if the process stops before. */
  async #tryBatch(batch: readonly KeyedEvent[], attempts: number): Promise<unknown> {
    if (!batch.length) return null
    const { name, handle } = this.#processor
    const keyedEvents = new Map(batch.map(keyed => [keyed.event, keyed]))
    const keyOf = (event: Recorded) => `${name}:${idOf(event, keyedEvents.get(event)?.part)}`
    const send = (event: Recorded, command: Command) =>
      this.#send(command, `${keyOf(event)}:${command.decider}.${command.command}:${command.id}`, event)
    for (let attempt = 1; ; attempt++) {
      this.#stop.signal.throwIfAborted()
      try {
        await this.#handleInTime(signal =>
          handle(
            batch.map(({ event }) => event),
            { keyOf, cloudEvent: event => this.#cloudEvent(event, keyedEvents.get(event)), send, attempt, signal },
          ),
        )
        return null
      } catch (error) {
        this.#stop.signal.throwIfAborted()
        if (attempt >= attempts) return error ?? new Error('the handler threw no error')
        await this.#sleep(backOff(attempt - 1, RETRY), this.#stop.signal)
      }
    }
  }

  /**
   * Fails an attempt that does not end in time. Nothing else would end it, because the lease is renewed all the while.
   */
  async #handleInTime(handle: (signal: AbortSignal) => unknown): Promise<void> {
    const { attemptMs } = this.#processor
    if (attemptMs === null) return void (await handle(this.#stop.signal))
    const attempt = new AbortController()
    const stopAttempt = () => attempt.abort(this.#stop.signal.reason)
    const over = new AbortController()
    this.#stop.signal.addEventListener('abort', stopAttempt)
    try {
      const handled = handle(attempt.signal)
      // A handler without a promise has ended, and needs no clock.
      if (handled !== null && typeof handled === 'object')
        await Promise.race([handled, this.#failAfter(attemptMs, attempt, over.signal)])
    } finally {
      // The default reason is an error object, which costs more than the rest of this function.
      over.abort(null)
      this.#stop.signal.removeEventListener('abort', stopAttempt)
    }
  }

  async #failAfter(attemptMs: number, attempt: AbortController, over: AbortSignal): Promise<void> {
    const { name } = this.#processor
    await this.#sleep(attemptMs, over)
    if (over.aborted) return
    const error = new Error(`${name}: the attempt did not end within ${attemptMs} ms`)
    attempt.abort(error)
    throw error
  }

  #cloudEvent(event: Recorded, keyed: KeyedEvent | undefined): CloudEvent {
    const { name, families } = this.#processor
    if (!keyed) throw new TypeError(`processor('${name}'): cloudEvent() takes only an event of this call`)
    const { stored, part } = keyed
    const schema = families.get(event.category)!.types.get(event.type)!.fingerprint
    const isToday = schema === stored.schema && event.type === stored.type
    const data = isToday ? stored.data : JSON.stringify(event.data)
    const today = { ...stored, id: idOf(event, part), type: event.type, schema, data }
    return cloudEventOf(today, this.#store.identity)
  }
}

const idOf = ({ id }: Recorded, part = 0): string => (part ? `${id}.${part}` : id)
