// Pages of the log for one subscription: from this process's memory of the head, else from the store, where the next
// page is read ahead.
import { background } from '../lib/turns.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Filter, ReadAllOptions } from '../ports/store/log.ts'
import { isFull } from '../ports/store/page-size.ts'
import type { Store } from '../ports/store/store.ts'
import { filterPredicate } from '../ports/store/pages.ts'
import type { Tail } from './tail.ts'

/** Events of the log in order. All events up to `to` were looked at, whether they matched or not. */
export type LogPage = { readonly events: readonly StoredEvent[]; readonly to: number }

/** The most events of a page. */
export const PAGE_EVENTS_MAX = 5_000
const PAGE_EVENTS_FIRST = 1_000
/** The size of a page's payloads, in bytes. The event that reaches it ends the page. */
export const PAGE_SIZE = 8_388_608
/** A page is read in parts of so many events, and bytes of payloads: a client makes the events of a part in one stretch. */
const PART_EVENTS_MAX = 1_000
const PART_SIZE = 1_048_576
/** The work to read a part, in characters. */
const READ_SIZE = 65_536
/** How many positions one read covers at most, for a filter that matches little. */
const SPAN_MAX = 1_000_000

type PageBounds = { readonly limit: number; readonly sizeMax: number }

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

  /**
   * Gives the page after a position, of at most so many events. Null: the log ends there. Rejects with the store's
   * error.
   */
  async next(after: number, most: number = this.#eventsMax): Promise<LogPage | null> {
    const isWhole = most >= this.#eventsMax
    const kept = this.#tail.page(after, Math.min(most, this.#eventsMax))
    if (kept) {
      this.#ahead = null
      return kept.length ? { events: kept.filter(this.#matches), to: kept.at(-1)!.position } : null
    }
    const ahead = this.#ahead
    // It is dropped before it is awaited, so a failed page is read again.
    this.#ahead = null
    const page = await (isWhole && ahead?.after === after ? ahead.page : this.#read(after, most))
    if (page.to <= after) return null
    if (isWhole && page.to < this.#tail.head) this.#readAhead(page.to)
    return page
  }

  #readAhead(after: number): void {
    const page = this.#read(after, this.#eventsMax)
    // Its error counts only if the page is asked for.
    page.catch(() => {})
    this.#ahead = { after, page }
  }

  async #read(after: number, most: number): Promise<LogPage> {
    const limit = Math.min(this.#limit, most)
    const head = Math.max(this.#tail.head, after)
    const until = this.#filter ? Math.min(after + this.#span, head) : head
    if (until === after) return { events: [], to: after }
    const bounds = { limit, sizeMax: PAGE_SIZE }
    const events = await this.#readParts(after, until, bounds)
    const to = isFull(events, bounds) ? events.at(-1)!.position : until
    this.#learnSizes(events, to - after)
    return { events, to }
  }

  async #readParts(after: number, until: number, bounds: PageBounds): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = []
    let [from, units] = [after, 0]
    for (;;) {
      if (background.isOver(READ_SIZE)) await background.next()
      // An event that begins within the page's size may end beyond it.
      const sizeMax = Math.min(PART_SIZE, bounds.sizeMax - units)
      const part = { limit: Math.min(PART_EVENTS_MAX, bounds.limit - events.length), sizeMax }
      const found = await this.#readAll({ after: from, until, ...part, ...(this.#filter && { filter: this.#filter }) })
      events.push(...found)
      from = events.at(-1)?.position ?? until
      if (from >= until || !isFull(found, part) || isFull(events, bounds)) return events
      units = events.reduce((sum, { data }) => sum + data.length, 0)
    }
  }

  /**
   * Reads the log. A failed read may have been too much for the store's deadline, so the next one asks for half as
   * much.
   */
  async #readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    try {
      return await this.#store.readAll(options)
    } catch (error) {
      this.#limit = Math.ceil(this.#limit / 2)
      this.#span = Math.ceil(this.#span / 2)
      throw error
    }
  }

  /** Learns the size and the density of events, so that the next page comes close to its wanted size. */
  #learnSizes(events: readonly StoredEvent[], looked: number): void {
    const size = events.reduce((sum, { data }) => sum + data.length, 0) / Math.max(1, events.length)
    this.#limit = Math.ceil(Math.min(this.#eventsMax, this.#limit * 2, Math.max(1, PAGE_SIZE / Math.max(1, size))))
    const density = Math.max(1, events.length) / looked
    this.#span = Math.ceil(Math.min(SPAN_MAX, this.#span * 4, PAGE_EVENTS_MAX / density))
  }
}
