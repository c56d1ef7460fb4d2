// The last events of the log without a gap, as many as the bounds allow.
import type { LogEvent } from './log-event.ts'

export type RingBounds = {
  readonly events: number
  /**
   * The size of the events' texts, in UTF-16 units. Derived values, such as encoded bytes, come on top. The last event
   * is kept, however large.
   */
  readonly size: number
}

export class Ring {
  readonly #bounds: RingBounds
  /** The position after which no event is missing. */
  #base: number
  #last: number
  #events: LogEvent[] = []
  /** The index in `#events` at which the ring begins. Earlier events are dropped. */
  #first = 0
  #size = 0

  constructor(bounds: RingBounds, after: number) {
    this.#bounds = bounds
    this.#base = after
    this.#last = after
  }

  /** The position up to which the ring knows the log. */
  get last(): number {
    return this.#last
  }

  /** Adds events that follow `last` in the log without a gap. */
  push(events: readonly LogEvent[]): void {
    for (const event of events) {
      this.#events.push(event)
      this.#size += event.size
      this.#last = event.position
    }
    this.#dropOldest()
  }

  /** The events after a position, at most so many. Null: some of them are gone. */
  page(after: number, limit: number): readonly LogEvent[] | null {
    if (after < this.#base) return null
    if (after >= this.#last) return []
    const from = this.#indexBehind(after)
    return this.#events.slice(from, from + limit)
  }

  #dropOldest(): void {
    const { events, size } = this.#bounds
    while (this.#events.length - this.#first > 1 && (this.#events.length - this.#first > events || this.#size > size)) {
      const { position, size } = this.#events[this.#first++]!
      this.#base = position
      this.#size -= size
    }
    if (this.#first < this.#events.length >> 1 || this.#first === 0) return
    this.#events = this.#events.slice(this.#first)
    this.#first = 0
  }

  /** The index of the first event after a position. Positions rise, but not always by one. */
  #indexBehind(after: number): number {
    let low = this.#first
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#events[middle]!.position <= after) low = middle + 1
      else high = middle
    }
    return low
  }
}
