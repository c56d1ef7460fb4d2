// Pages of the log for one subscription: from what this process keeps of the head, else from the store, the next one being read ahead.
import type { StoredEvent } from '../ports/store/event.ts'
import type { Filter, ReadAllOptions } from '../ports/store/log.ts'
import { isFull } from '../ports/store/page-size.ts'
import type { Store } from '../ports/store/store.ts'
import { filterPredicate } from '../ports/store/pages.ts'
import type { Tail } from './tail.ts'

/** Events of the log in order. All at or below `to` have been looked at, whether or not they matched. */
export type LogPage = { readonly events: readonly StoredEvent[]; readonly to: number }

/** The most events of a page. */
export const PAGE_EVENTS_MAX = 5_000
const PAGE_EVENTS_FIRST = 1_000
/** The size of a page's payloads, in bytes: the page ends with the event that reaches it. */
export const PAGE_SIZE = 8_388_608
/** How far one read of a filter that matches little looks, in positions. */
const SPAN_MAX = 1_000_000

export class Reader {
  readonly #store: Store
  readonly #tail: Tail
  readonly #filter: Filter | null
  readonly #matches: (event: StoredEvent) => boolean
  readonly #eventsMax: number
  #limit: number
  #span = PAGE_EVENTS_MAX
  #ahead: { readonly after: number; readonly page: Promise<LogPage> } | null = null

  constructor(store: Store, tail: Tail, filter: Filter | null, eventsMax: number = PAGE_EVENTS_MAX) {
    this.#eventsMax = eventsMax
    this.#limit = Math.min(PAGE_EVENTS_FIRST, eventsMax)
    this.#store = store
    this.#tail = tail
    this.#filter = filter
    this.#matches = filterPredicate(filter)
  }

  /** The page after a position, of at most so many events; null where the log ends there. Rejects with what the store throws. */
  async next(after: number, most: number = this.#eventsMax): Promise<LogPage | null> {
    const isWhole = most >= this.#eventsMax
    const kept = this.#tail.page(after, Math.min(most, this.#eventsMax))
    if (kept) {
      this.#ahead = null
      return kept.length ? { events: kept.filter(this.#matches), to: kept.at(-1)!.position } : null
    }
    const ahead = this.#ahead
    // It is taken before it is awaited: one that failed is read again.
    this.#ahead = null
    const page = await (isWhole && ahead?.after === after ? ahead.page : this.#read(after, most))
    if (page.to <= after) return null
    if (isWhole && page.to < this.#tail.head) this.#readAhead(page.to)
    return page
  }

  #readAhead(after: number): void {
    const page = this.#read(after, this.#eventsMax)
    // It is awaited when it is asked for, if ever.
    page.catch(() => {})
    this.#ahead = { after, page }
  }

  async #read(after: number, most: number): Promise<LogPage> {
    const limit = Math.min(this.#limit, most)
    const head = Math.max(this.#tail.head, after)
    const until = this.#filter ? Math.min(after + this.#span, head) : head
    if (until === after) return { events: [], to: after }
    const bounds = { limit, sizeMax: PAGE_SIZE }
    const events = await this.#readAll({ after, until, ...bounds, ...(this.#filter && { filter: this.#filter }) })
    const to = isFull(events, bounds) ? events.at(-1)!.position : until
    this.#learn(events, to - after)
    return { events, to }
  }

  /** A read that fails may have been too much for the store's deadline: the next one asks for half as much. */
  async #readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    try {
      return await this.#store.readAll(options)
    } catch (error) {
      this.#limit = Math.ceil(this.#limit / 2)
      this.#span = Math.ceil(this.#span / 2)
      throw error
    }
  }

  /** The more events are like those before, the closer a page comes to what it should hold. */
  #learn(events: readonly StoredEvent[], looked: number): void {
    const size = events.reduce((sum, { data }) => sum + data.length, 0) / Math.max(1, events.length)
    this.#limit = Math.ceil(Math.min(this.#eventsMax, this.#limit * 2, Math.max(1, PAGE_SIZE / Math.max(1, size))))
    const density = Math.max(1, events.length) / looked
    this.#span = Math.ceil(Math.min(SPAN_MAX, this.#span * 4, PAGE_EVENTS_MAX / density))
  }
}
