// One attempt of a processor at some events: calls its handler, which gets a signal and a time.
import { errorWithoutSecrets } from '../definitions/secret-fields.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { Rejection } from '../definitions/decider/reject.ts'
import type { CloudEvent } from '../definitions/event/cloud-event.ts'
import { ownActor } from '../definitions/event/actor.ts'
import type { Recorded } from '../definitions/event/events.ts'
import type { Handling, ProcessorSpec } from '../definitions/processor.ts'
import type { Reads } from '../definitions/reads.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { Baggages } from '../ports/trace/baggage.ts'
import type { Store } from '../ports/store/store.ts'
import { cloudEventOf } from '../transfer/cloud-event.ts'
import type { StopAsked } from './consumer.ts'
import type { KeyedEvent } from './retry-queue.ts'

/** Sends a command because of an event, by a key and as an actor of the framework. */
export type SendFor = (
  command: Command,
  key: string,
  event: Recorded,
  actor: string,
  attempt: number,
) => Promise<Pick<Rejection, 'code' | 'data'> | null>
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

export type ProcessorAttemptsOptions = {
  readonly send: SendFor
  /** Default: events have no baggage. */
  readonly baggages?: Pick<Baggages, 'of'>
  readonly reads: () => Reads
  readonly sleep: Sleep
  readonly report: Report
  /** Called after an attempt that succeeded, and whose handler has asked to stop. */
  readonly onStop: (asked: Omit<StopAsked, 'handledTo'>) => void
}

/** How long a handler may take, in ms, before that is reported. */
const SLOW_MS = 10_000

export class ProcessorAttempts {
  readonly #store: Store
  readonly #processor: ProcessorSpec
  readonly #send: SendFor
  readonly #baggages: ProcessorAttemptsOptions['baggages']
  readonly #reads: () => Reads
  readonly #sleep: Sleep
  readonly #report: Report
  readonly #onStop: ProcessorAttemptsOptions['onStop']
  /** The keys of which a slow attempt was reported, and none has ended soon since. */
  readonly #slow = new Set<string>()

  constructor(
    store: Store,
    processor: ProcessorSpec,
    { send, baggages, reads, sleep, report, onStop }: ProcessorAttemptsOptions,
  ) {
    this.#store = store
    this.#processor = processor
    this.#send = send
    this.#baggages = baggages
    this.#reads = reads
    this.#sleep = sleep
    this.#report = report
    this.#onStop = onStop
  }

  /** Calls the handler once. Gives null, or the error. Throws if the signal aborts. */
  async attempt(batch: readonly KeyedEvent[], attempt: number, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    const events = batch.map(({ event }) => event)
    let reason: string | null = null
    const stop = (why: string) => {
      reason ??= why
    }
    const handling = { ...this.#handlingOf(batch, attempt), stop }
    try {
      await this.#handleInTime(batch, signal, ending => this.#processor.handle(events, { ...handling, signal: ending }))
      const { key, stored } = batch.at(-1)!
      if (reason !== null) this.#onStop({ key, position: stored.position, reason })
      return null
    } catch (error) {
      signal.throwIfAborted()
      return errorWithoutSecrets(error, ...events.map(({ data }) => data)) ?? new Error('the handler threw no error')
    }
  }

  #handlingOf(batch: readonly KeyedEvent[], attempt: number): Omit<Handling, 'signal' | 'stop'> {
    const keyedEvents = new Map(batch.map(keyed => [keyed.event, keyed]))
    const keyOf = (event: Recorded) => `${this.#processor.name}:${idOf(event, keyedEvents.get(event)?.part)}`
    return {
      ...this.#reads(),
      attempt,
      keyOf,
      cloudEvent: event => this.#cloudEvent(event, keyedEvents.get(event)),
      send: (event, command) => {
        const key = `${keyOf(event)}:${command.decider}.${command.command}:${command.id}`
        return this.#send(command, key, event, ownActor('processor', this.#processor.name), attempt)
      },
    }
  }

  /**
   * Fails an attempt that does not end in time. Nothing else would end it, because the lease is renewed all the while.
   */
  async #handleInTime(
    batch: readonly KeyedEvent[],
    signal: AbortSignal,
    handle: (signal: AbortSignal) => unknown,
  ): Promise<void> {
    const { attemptMs } = this.#processor
    if (attemptMs === null) return void (await handle(signal))
    const attempt = new AbortController()
    const stopAttempt = () => attempt.abort(signal.reason)
    const over = new AbortController()
    signal.addEventListener('abort', stopAttempt)
    try {
      const handled = handle(attempt.signal)
      // A handler without a promise has ended, and needs no clock.
      if (handled !== null && typeof handled === 'object')
        await Promise.race([handled, this.#failAfter(attemptMs, batch, attempt, over.signal)])
    } finally {
      // The default reason is an error object, which costs more than the rest of this function.
      over.abort(null)
      signal.removeEventListener('abort', stopAttempt)
    }
  }

  async #failAfter(attemptMs: number, batch: readonly KeyedEvent[], attempt: AbortController, over: AbortSignal): Promise<void> {
    const [first] = batch as readonly [KeyedEvent]
    const slowMs = Math.min(SLOW_MS, attemptMs)
    await this.#sleep(slowMs, over)
    if (over.aborted) return void this.#slow.delete(first.key)
    if (attemptMs > slowMs) {
      this.#reportSlow(first, attemptMs)
      await this.#sleep(attemptMs - slowMs, over)
      if (over.aborted) return
    }
    const error = new Error(`${this.#processor.name}: the attempt did not end within ${attemptMs} ms`)
    attempt.abort(error)
    throw error
  }

  #reportSlow({ key, stored: { position } }: KeyedEvent, attemptMs: number): void {
    if (this.#slow.has(key)) return
    this.#slow.add(key)
    const { name, parallelism } = this.#processor
    const message =
      `${name} has handled the event at position ${position} for ${SLOW_MS / 1_000} s. At most ${parallelism} keys are handled ` +
      `side by side (parallelism), and the others wait. The attempt fails after ${attemptMs} ms (attemptMs), and is repeated.`
    this.#report(new Notice({ level: 'warn', code: 'handler-slow', message, fields: { subscription: name, key, position } }))
  }

  #cloudEvent(event: Recorded, keyed: KeyedEvent | undefined): CloudEvent {
    const { name, families } = this.#processor
    if (!keyed) throw new TypeError(`processor('${name}'): cloudEvent() takes only an event of this call`)
    const { stored, part } = keyed
    const schema = families.get(event.category)!.types.get(event.type)!.fingerprint
    const isToday = schema === stored.schema && event.type === stored.type
    const data = isToday ? stored.data : JSON.stringify(event.data)
    const today = { ...stored, id: idOf(event, part), type: event.type, schema, data }
    const baggage = this.#baggages?.of(stored.id)
    return { ...cloudEventOf(today, this.#store.identity), ...(baggage !== undefined && { baggage }) }
  }
}

const idOf = ({ id }: Recorded, part = 0): string => (part ? `${id}.${part}` : id)
