// A feed serves all followers that have the same filter. At the head they all need the same batch: it is made once and
// shared.
import type { StoredEvent } from '../../src/ports/store/event.ts'
import type { ReadAllOptions } from '../../src/ports/store/log.ts'
import { isFull } from '../../src/ports/store/page-size.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { LogEvent } from '../../src/subscription/log-event.ts'
import { limitAfter, READ_SIZE } from '../../src/subscription/limit.ts'
import type { Tail } from '../../src/subscription/tail.ts'
import { type EventFilter, filterTest, storeFilter } from '../../src/ports/store/event-filter.ts'

/** The largest batch, in bytes. A single event may be larger. */
export const BATCH_SIZE_MAX = 65_536
/** How many events are examined for one batch. */
const BATCH_EVENTS_MAX = 1_024
/** How many batches are kept for followers that need them a moment later. */
const BATCHES_MAX = 8

/**
 * The events after a position that pass the filter, encoded; null: none of them passes. It covers the log up to `to`.
 */
export type Batch<C> = { readonly content: C | null; readonly to: number }

/** How events are written. `encode` writes one event, and the event keeps the result. `join` puts several together. */
export type Encoding<T, C> = {
  readonly encode: (event: LogEvent) => T
  readonly size: (encoded: T) => number
  readonly join: (encoded: readonly T[]) => C
}

export class Feed<T, C> {
  readonly #tail: Tail
  readonly #readAll: Store['readAll']
  readonly #filter: ReturnType<typeof storeFilter>
  readonly #isWanted: ReturnType<typeof filterTest>
  readonly #encoding: Encoding<T, C>
  readonly #batches = new Map<number, Batch<C>>()
  readonly #reads = new Map<number, Promise<Batch<C>>>()
  #limit = BATCH_EVENTS_MAX

  constructor(tail: Tail, readAll: Store['readAll'], filter: EventFilter, encoding: Encoding<T, C>) {
    this.#tail = tail
    this.#readAll = readAll
    this.#filter = storeFilter(filter)
    this.#isWanted = filterTest(filter)
    this.#encoding = encoding
  }

  /**
   * Gives the batch after a position; null: there are no more events yet. Gives a promise if the events are no longer
   * in memory. It rejects if the log cannot be read.
   */
  next(after: number): Batch<C> | null | Promise<Batch<C>> {
    const kept = this.#batches.get(after) ?? this.#reads.get(after)
    if (kept) return kept
    const page = this.#tail.page(after, BATCH_EVENTS_MAX)
    if (page) return page.length ? this.#remember(after, this.#makeBatch(page, page.at(-1)!.position)) : null
    const reading = this.#readBatch(after).finally(() => this.#reads.delete(after))
    this.#reads.set(after, reading)
    return reading
  }

  async #readBatch(after: number): Promise<Batch<C>> {
    const bounds = { limit: this.#limit, sizeMax: READ_SIZE }
    const until = Math.max(after, this.#tail.head)
    const page = await this.#readPage({ after, until, ...bounds, ...(this.#filter && { filter: this.#filter }) })
    this.#limit = Math.min(limitAfter(bounds.limit, page, BATCH_SIZE_MAX), BATCH_EVENTS_MAX)
    const last = page.at(-1)?.position ?? after
    return this.#makeBatch(
      page.map((event: StoredEvent) => new LogEvent(event)),
      isFull(page, bounds) ? last : Math.max(until, last),
    )
  }

  /**
   * Reads the log. If that fails, the page may have been too large for the deadline of the store: the next read is for
   * half as many events.
   */
  async #readPage(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    try {
      return await this.#readAll(options)
    } catch (error) {
      this.#limit = Math.ceil(options.limit / 2)
      throw error
    }
  }

  /** Makes a batch of as much of a page as fits. `end` is the position up to which the page goes. */
  #makeBatch(page: readonly LogEvent[], end: number): Batch<C> {
    const { encode, size, join } = this.#encoding
    const encoded: T[] = []
    let [total, to] = [0, 0]
    for (const event of page) {
      if (this.#isWanted(event)) {
        const one = event.once(encode)
        total += size(one)
        if (encoded.length && total > BATCH_SIZE_MAX) return { content: join(encoded), to }
        encoded.push(one)
      }
      to = event.position
    }
    return { content: encoded.length ? join(encoded) : null, to: end }
  }

  #remember(after: number, batch: Batch<C>): Batch<C> {
    if (this.#batches.size >= BATCHES_MAX) this.#batches.delete(this.#batches.keys().next().value!)
    this.#batches.set(after, batch)
    return batch
  }
}
