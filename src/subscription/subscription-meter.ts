// Measures one subscription: how old events are once their effects are durable, and whether its lease was lost.
import { type Counter, type Histogram, type Meter, unmetered } from '../ports/metrics/meter.ts'
import type { StoredEvent } from '../ports/store/event.ts'

type HandledEvent = Pick<StoredEvent, 'at'>

export class SubscriptionMeter {
  readonly #delays: Histogram
  readonly #events: Counter
  readonly #fenced: Counter
  readonly #now: () => number
  #oldest: HandledEvent | null = null
  #newest: HandledEvent | null = null

  constructor(name: string, now: () => number, meter: Meter = unmetered) {
    this.#delays = meter.histogram('emaki.subscription.delay', name)
    this.#events = meter.counter('emaki.subscription.events', name)
    this.#fenced = meter.counter('emaki.subscription.fenced', name)
    this.#now = now
  }

  /** Begins with a lease: what was handled and not saved before is handled again. */
  begin(): void {
    this.#oldest = null
    this.#newest = null
  }

  /** Events were given to what handles them, whatever came of it. */
  noteGiven(events: number): void {
    this.#events.add(events)
  }

  noteHandled(page: readonly HandledEvent[]): void {
    this.#oldest ??= page[0] ?? null
    this.#newest = page.at(-1) ?? this.#newest
  }

  /** The effects of all that was handled are durable. The oldest and the newest event stand for all. */
  noteSaved(): void {
    const now = this.#now()
    for (const event of new Set([this.#oldest, this.#newest]))
      if (event) this.#delays.record(Math.max(0, now - Date.parse(event.at)) / 1_000)
    this.begin()
  }

  noteFenced(): void {
    this.#fenced.add()
  }
}
