// Folds events into the rows in memory, and parks keys and streams that cannot be folded.
import { foldEvent, type RowEvent, rowEvents } from '../../definitions/projection/fold.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import type { Parking } from '../parking.ts'
import type { RowCache } from './row-cache.ts'

export class RowFolder {
  readonly #projection: ProjectionSpec
  readonly #cache: RowCache
  readonly #parking: Parking

  constructor(projection: ProjectionSpec, cache: RowCache, parking: Parking) {
    this.#projection = projection
    this.#cache = cache
    this.#parking = parking
  }

  /** The rows that an event changes. A stream that cannot be read is parked and changes none. */
  rowEvents(stored: StoredEvent): readonly RowEvent[] {
    if (this.#parking.hasStream(stored.stream)) return []
    try {
      return rowEvents(this.#projection, stored)
    } catch (error) {
      this.#parking.parkStream(stored, error)
      return []
    }
  }

  /**
   * Folds an event into its row, unless the row was read with the event in it. If the fold throws, the key is parked, and its row stays as it was before the event.
   */
  fold(rowEvent: RowEvent): void {
    const { key, event } = rowEvent
    if (this.#parking.hasKey(key)) return
    const cached = this.#cache.getOrAdd(key)
    if (event.position <= cached.foldedTo) return this.#cache.markAhead(key, cached)
    const before = cached.row
    try {
      cached.row = foldEvent(this.#projection, before, rowEvent)
    } catch (error) {
      return this.#parking.parkKey(key, event.position, error)
    }
    cached.position = event.position
    if (!cached.isDirty) this.#cache.markDirty(key, cached, before)
  }
}
