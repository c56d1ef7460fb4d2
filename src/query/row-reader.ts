// Reads the rows of a projection. Waits until they are as new as asked for, and says which events they include.
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import { streamsOfRow } from '../definitions/projection/fold.ts'
import type { ReadResult } from '../ports/read-model/rows.ts'
import type { Table } from '../ports/read-model/tables.ts'
import type { Store } from '../ports/store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { FreshnessWaits } from './freshness-waits.ts'
import { liveTable, readLiveRow } from './live-row.ts'
import type { Incomplete } from './fill.ts'
import { lowerOf, type ReadFrom, type RowRead } from './read-from.ts'
import { count, list, type ListRequest, type RowPage } from './rows.ts'
import type { Where } from './where.ts'
import type { MinPosition } from '../definitions/reads.ts'
import { ANY_POSITION, StaleRead } from './stale-read.ts'

export type RowReaderOptions = {
  readonly store: Store
  readonly subscriptions: Subscriptions
  readonly waits: FreshnessWaits
  /** Called with the error of an event that a live projection could not fold. */
  readonly report: (error: unknown) => void
}

export class RowReader {
  readonly #options: RowReaderOptions

  constructor(options: RowReaderOptions) {
    this.#options = options
  }

  /**
   * Gets the row of a key. Null: there is none. The row of a live projection is folded now. A parked row is as it was
   * before its event, if there was one, for a caller that does not ask for the event. Rejects with StaleRead.
   */
  async get(projection: ProjectionSpec, key: string, min: MinPosition): Promise<RowRead> {
    const { store, report } = this.#options
    if (projection.live) return readLiveRow({ store, projection, key, report })
    const read = await this.#readRow(projection, key, min)
    const { found, parked, position } = read
    if (parked === null) return read
    if (parked <= min.atLeast || !found) throw new StaleRead(projection.name, 'parked', position, min.atLeast, parked)
    return { ...read, position: Math.min(position, parked - 1) }
  }

  /**
   * Gets the row of a key for an answer that is made of more than this row. A parked row is left out, as it is from a
   * list. Rejects with StaleRead.
   */
  async find(projection: ProjectionSpec, key: string, min: MinPosition): Promise<RowRead> {
    if (projection.live) return this.#findLive(projection, key, min)
    const read = await this.#readRow(projection, key, min)
    return read.parked === null ? read : { ...read, found: null }
  }

  /** Reads one page of a list, without parked rows. Rejects with StaleRead, or BadList. */
  list(projection: ProjectionSpec, where: Where, by: ListRequest, min: MinPosition): Promise<RowPage & ReadFrom> {
    return this.#read(projection, min, table => list(this.#options.store.readModel, table, where, by))
  }

  /** Counts rows, without parked rows. Rejects with StaleRead, or BadList. */
  count(
    projection: ProjectionSpec,
    where: Where,
    min: MinPosition,
    by: Pick<ListRequest, 'within'> = {},
  ): Promise<ReadResult<number> & ReadFrom> {
    return this.#read(projection, min, table => count(this.#options.store.readModel, table, where, by))
  }

  /** The row of a key. `parked`: the position at which it stopped itself. */
  #readRow(projection: ProjectionSpec, key: string, min: MinPosition): Promise<RowRead & { readonly parked: number | null }> {
    return this.#read(projection, min, async table => {
      const streams = streamsOfRow(projection, key)
      const { parkedStream, ...read } = await this.#options.store.readModel.get(table, key, streams)
      // Where all keys are instances, an event of another stream cannot be for this row.
      return { ...read, mayLack: projection.key.size ? lowerOf(read.parked, parkedStream) : read.parked }
    })
  }

  async #findLive(projection: ProjectionSpec, key: string, min: MinPosition): Promise<RowRead> {
    try {
      return await this.get(projection, key, ANY_POSITION)
    } catch (error) {
      if (!(error instanceof StaleRead) || min.complete) throw error
      const { position, parked } = error
      return { found: null, position, table: liveTable(projection), incomplete: { parked, frozen: null } }
    }
  }

  /**
   * Reads the serving table of a projection, once it is new enough. `mayLack`: the position of a parked event that the
   * result may lack. Default: that of any parked event.
   */
  async #read<R extends Pick<ReadResult<unknown>, 'position' | 'parked'> & { readonly mayLack?: number | null }>(
    { name }: ProjectionSpec,
    { atLeast, waitMs, complete = false }: MinPosition,
    read: (table: Table) => Promise<R>,
  ): Promise<R & ReadFrom> {
    const { subscriptions, waits } = this.#options
    const { serving } = subscriptions.versionsOf(name)
    if (!serving) throw new StaleRead(name, 'not-ready', 0, atLeast)
    const { table, subscription, isFrozen } = serving
    // Frozen rows do not change, so a wait is of no use.
    if (!isFrozen && subscription.position < atLeast) {
      const isReached =
        waitMs > 0
          ? await waits.waitFor(subscription, atLeast, AbortSignal.timeout(waitMs))
          : await subscriptions.waitFor(subscription, atLeast, AbortSignal.abort())
      if (!isReached) throw new StaleRead(name, 'behind', subscription.position, atLeast)
    }
    const found = await read(table)
    const { position, mayLack = found.parked } = found
    // A rebuild may have emptied the table meanwhile.
    if (position < atLeast) throw new StaleRead(name, 'behind', position, atLeast)
    if (complete && mayLack !== null) throw new StaleRead(name, 'parked', position, atLeast, mayLack)
    return { ...found, table, incomplete: incompleteOf(mayLack, isFrozen ? position : null) }
  }
}

function incompleteOf(parked: number | null, frozen: number | null): Incomplete | null {
  return parked === null && frozen === null ? null : { parked, frozen }
}
