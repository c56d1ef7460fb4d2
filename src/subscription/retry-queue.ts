// The keys of a processor whose first event could not be handled yet, each with its later events, in order. Events beyond
// a bound stay in the log, and are read again when it is their turn.
import type { Recorded } from '../definitions/event/events.ts'
import type { StoredEvent } from '../ports/store/event.ts'

/** An event for a processor. `part`: its number among the events that one stored event became; 0 for nearly all. */
export type KeyedEvent = { readonly stored: StoredEvent; readonly part: number; readonly event: Recorded; readonly key: string }

/** Which events are handled again: all but those that are skipped, as far as they are covered. */
export type Coverage = {
  readonly skips: (stored: StoredEvent) => boolean
  readonly covers: (event: KeyedEvent) => boolean
}

const EVERYTHING: Coverage = { skips: () => false, covers: () => true }

/** A key in retry. */
export type RetryingKey = {
  readonly key: string
  /** Its next events. The first could not be handled. */
  readonly events: KeyedEvent[]
  /** Its later events that are only in the log: those after `after`. The last that is known of is at `last`. */
  rest: { after: number; last: number; readonly coverage: Coverage } | null
  /** When the first event failed first, in ms since 1970. */
  since: number
  /** How often the first event has failed alone. */
  attempts: number
  /** The least pause before the next attempt, in ms, as a decision has asked for it. */
  leastMs: number
  /** Whether the next attempt takes the first event alone. */
  isSingle: boolean
  /** The position of an event that somebody asked to pass over. */
  skip: number | null
  /** Ends the wait before the next attempt. */
  wake: () => void
}

/** The most keys that are in retry. Beyond it the processor takes no new events. */
export const RETRYING_KEYS_MAX = 1_000
/** The most events that wait in memory, and their size in UTF-16 units. */
const EVENTS_MAX = 10_000
const SIZE_MAX = 16_777_216

export class RetryQueue {
  readonly #keys = new Map<string, RetryingKey>()
  #events = 0
  #size = 0

  get keys(): number {
    return this.#keys.size
  }

  get isFull(): boolean {
    return this.#keys.size >= RETRYING_KEYS_MAX
  }

  get(key: string): RetryingKey | undefined {
    return this.#keys.get(key)
  }

  /** Adds a key whose first event is this one. */
  begin(event: KeyedEvent, { since, attempts }: Pick<RetryingKey, 'since' | 'attempts'>): RetryingKey {
    const retrying: RetryingKey = {
      ...{ key: event.key, events: [event], rest: null, since, attempts },
      ...{ leastMs: 0, isSingle: attempts > 0, skip: null, wake: () => {} },
    }
    this.#keys.set(event.key, retrying)
    this.#count([event], 1)
    return retrying
  }

  /** Takes an event whose key is in retry, behind the key's other events. False: its key is not in retry. */
  push(event: KeyedEvent): boolean {
    const retrying = this.#keys.get(event.key)
    if (!retrying) return false
    const { position } = event.stored
    if (retrying.rest) retrying.rest.last = position
    // The parts of one stored event stay together.
    else if (this.#hasRoom || retrying.events.at(-1)?.stored.position === position) this.#append(retrying, event)
    else retrying.rest = { after: position - 1, last: position, coverage: EVERYTHING }
    return true
  }

  /** Appends events that were read from the log. */
  refill(retrying: RetryingKey, events: readonly KeyedEvent[]): void {
    for (const event of events) this.#append(retrying, event)
  }

  /** Removes the first events of a key, because they are handled or passed over. */
  shift(retrying: RetryingKey, many: number): void {
    this.#count(retrying.events.splice(0, many), -1)
  }

  remove(retrying: RetryingKey): void {
    this.shift(retrying, retrying.events.length)
    this.#keys.delete(retrying.key)
  }

  clear(): void {
    this.#keys.clear()
    this.#events = 0
    this.#size = 0
  }

  get #hasRoom(): boolean {
    return this.#events < EVENTS_MAX && this.#size < SIZE_MAX
  }

  #append(retrying: RetryingKey, event: KeyedEvent): void {
    retrying.events.push(event)
    this.#count([event], 1)
  }

  #count(events: readonly KeyedEvent[], sign: 1 | -1): void {
    this.#events += sign * events.length
    for (const { stored } of events) this.#size += sign * (stored.data.length + stored.meta.length)
  }
}
