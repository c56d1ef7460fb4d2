// Makes answers out of date after their rows changed, in caches and in the CDN, and wakes the followers of the rows.
import type { Cache } from '../ports/cache/cache.ts'
import type { PurgeQueue } from '../ports/purger/batch-purges.ts'
import { projectionOf } from '../definitions/projection/projection.ts'
import type { Table } from '../ports/read-model/tables.ts'
import type { RowChange } from '../subscription/projector/projector.ts'
import type { RowChanges } from './row-changes.ts'
import { tagsOfChange } from './rows.ts'

export type InvalidationOptions = {
  /** All tiers of the cache. */
  readonly cache: Cache
  /** The tier in the memory of this process. */
  readonly nearest: Cache
  readonly purges: PurgeQueue | null
  readonly rowChanges: RowChanges
}

export class Invalidation {
  readonly #options: InvalidationOptions

  constructor(options: InvalidationOptions) {
    this.#options = options
  }

  /** This process has changed rows of a table. `changes` null: perhaps any row. */
  async invalidateRows(table: Table, position: number, changes: readonly RowChange[] | null): Promise<void> {
    const tags = changes ? [...new Set(changes.flatMap(change => tagsOfChange(table, change)))] : [table.name]
    await this.invalidateTags(tags, position)
    this.#options.rowChanges.announce(projectionOf(table.name), changes)
  }

  /**
   * Another process has moved a table on, and has updated the shared cache and the CDN. The changed rows are not known
   * here.
   */
  invalidateTable(table: string, position: number): void {
    void this.#options.nearest.raise([table], position)
    this.#options.rowChanges.announce(projectionOf(table), null)
  }

  /** Makes answers with one of these tags out of date, unless they are at or above the position. */
  async invalidateTags(tags: readonly string[], position: number): Promise<void> {
    await this.#options.cache.raise(tags, position)
    this.#options.purges?.add(tags)
  }

  async close(): Promise<void> {
    await this.#options.cache.close()
    await this.#options.purges?.close()
  }
}
