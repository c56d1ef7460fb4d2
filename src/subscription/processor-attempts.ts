// One attempt of a processor at some events: calls its handler, which gets a signal and a time.
import type { Command } from '../definitions/decider/command.ts'
import type { Rejection } from '../definitions/decider/reject.ts'
import type { CloudEvent } from '../definitions/event/cloud-event.ts'
import type { Recorded } from '../definitions/event/events.ts'
import type { Handling, ProcessorSpec } from '../definitions/processor.ts'
import type { Store } from '../ports/store/store.ts'
import { cloudEventOf } from '../transfer/cloud-event.ts'
import type { KeyedEvent } from './retry-queue.ts'

/** Sends a command because of an event, by a key of the framework. */
export type SendFor = (command: Command, key: string, event: Recorded) => Promise<Pick<Rejection, 'code' | 'data'> | null>
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

export class ProcessorAttempts {
  readonly #store: Store
  readonly #processor: ProcessorSpec
  readonly #send: SendFor
  readonly #sleep: Sleep

  constructor(store: Store, processor: ProcessorSpec, send: SendFor, sleep: Sleep) {
    this.#store = store
    this.#processor = processor
    this.#send = send
    this.#sleep = sleep
  }

  /** Calls the handler once. Gives null, or the error. Throws if the signal aborts. */
  async attempt(batch: readonly KeyedEvent[], attempt: number, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    const events = batch.map(({ event }) => event)
    const handling = this.#handlingOf(batch, attempt)
    try {
      await this.#handleInTime(signal, ending => this.#processor.handle(events, { ...handling, signal: ending }))
      return null
    } catch (error) {
      signal.throwIfAborted()
      return error ?? new Error('the handler threw no error')
    }
  }

  #handlingOf(batch: readonly KeyedEvent[], attempt: number): Omit<Handling, 'signal'> {
    const keyedEvents = new Map(batch.map(keyed => [keyed.event, keyed]))
    const keyOf = (event: Recorded) => `${this.#processor.name}:${idOf(event, keyedEvents.get(event)?.part)}`
    return {
      attempt,
      keyOf,
      cloudEvent: event => this.#cloudEvent(event, keyedEvents.get(event)),
      send: (event, command) => this.#send(command, `${keyOf(event)}:${command.decider}.${command.command}:${command.id}`, event),
    }
  }

  /**
   * Fails an attempt that does not end in time. Nothing else would end it, because the lease is renewed all the while.
   */
  async #handleInTime(signal: AbortSignal, handle: (signal: AbortSignal) => unknown): Promise<void> {
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
        await Promise.race([handled, this.#failAfter(attemptMs, attempt, over.signal)])
    } finally {
      // The default reason is an error object, which costs more than the rest of this function.
      over.abort(null)
      signal.removeEventListener('abort', stopAttempt)
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
