import type { StoredEvent } from '../../ports/store/event.ts'

/** The ids that are remembered are twice as many at most. */
const IDS_MAX = 50_000

/** Remembers the ids of the events that were read lately, and finds one that stands at two positions. */
export class SeenIds {
  #seen = new Map<string, number>()
  #seenBefore: ReadonlyMap<string, number> = new Map()

  /** Adds an event. Gives another position at which its id was read; null: none that is remembered. */
  add({ id, position }: Pick<StoredEvent, 'id' | 'position'>): number | null {
    const known = this.#seen.get(id) ?? this.#seenBefore.get(id)
    if (known !== undefined && known !== position) return Math.min(known, position)
    this.#seen.set(id, position)
    if (this.#seen.size > IDS_MAX) {
      this.#seenBefore = this.#seen
      this.#seen = new Map()
    }
    return null
  }
}
