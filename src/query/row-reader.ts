// Reads the rows of a projection. Waits until they are as new as asked for, and says which events they include.
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import type { ReadResult } from '../ports/read-model/rows.ts'
import type { Table } from '../ports/read-model/tables.ts'
import type { Store } from '../ports/store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import { readLiveRow } from './live-row.ts'
import type { ReadFrom, RowRead } from './read-from.ts'
import { count, list, type ListRequest, type RowPage, type Where } from './rows.ts'
import { type MinPosition, StaleRead } from './stale-read.ts'

export type RowReaderOptions = {
  readonly store: Store
  readonly subscriptions: Subscriptions
  /** Called with the error of an event that a live projection could not fold. */
  readonly report: (error: unknown) => void
}

export class RowReader {
  readonly #options: RowReaderOptions

  constructor(options: RowReaderOptions) {
    this.#options = options
  }

  /** Gets the row of a key. Null: there is none. The row of a live projection is folded now. Rejects with StaleRead. */
  get(projection: ProjectionSpec, key: string, min: MinPosition): Promise<RowRead> {
    const { store, report } = this.#options
    if (projection.live) return readLiveRow({ store, projection, key, report })
    return this.#read(projection, min, table => store.readModel.get(table, key))
  }

  /** Reads one page of a list. Rejects with StaleRead, or BadList. */
  list(projection: ProjectionSpec, where: Where, by: ListRequest, min: MinPosition): Promise<RowPage & ReadFrom> {
    return this.#read(projection, min, table => list(this.#options.store.readModel, table, where, by))
  }

  /** Counts rows. Rejects with StaleRead, or BadList. */
  count(projection: ProjectionSpec, where: Where, min: MinPosition): Promise<ReadResult<number> & ReadFrom> {
    return this.#read(projection, min, table => count(this.#options.store.readModel, table, where))
  }

  /**
   * Reads the serving table of a projection, once it is new enough. A parked table includes nothing from its parked
   * event on.
   */
  async #read<R extends Pick<ReadResult<unknown>, 'position' | 'parked'>>(
    { name }: ProjectionSpec,
    { atLeast, waitMs }: MinPosition,
    read: (table: Table) => Promise<R>,
  ): Promise<R & ReadFrom> {
    const { subscriptions } = this.#options
    const { serving } = subscriptions.versionsOf(name)
    if (!serving) throw new StaleRead(name, 'not-ready', 0, atLeast)
    const { table, subscription, isFrozen } = serving
    // Frozen rows do not change, so a wait is of no use.
    if (!isFrozen && subscription.position < atLeast) {
      const signal = waitMs > 0 ? AbortSignal.timeout(waitMs) : AbortSignal.abort()
      if (!(await subscriptions.waitFor(subscription, atLeast, signal)))
        throw new StaleRead(name, 'behind', subscription.position, atLeast)
    }
    const found = await read(table)
    const { position, parked } = found
    // A rebuild may have emptied the table meanwhile.
    if (position < atLeast) throw new StaleRead(name, 'behind', position, atLeast)
    if (parked !== null && parked <= atLeast) throw new StaleRead(name, 'parked', position, atLeast, parked)
    const incomplete = parked === null && !isFrozen ? null : { parked, frozen: isFrozen ? position : null }
    return { ...found, table, position: parked === null ? position : Math.min(position, parked - 1), incomplete }
  }
}
