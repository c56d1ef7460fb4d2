// The part of a store that keeps it running: opening, closing, and occasional work.
import type { ImportOptions, ImportProgress, Records } from './import.ts'
import type { NewSnapshot } from './load.ts'

/**
 * No path waits for these. `saveSnapshots` may do nothing: states are then folded from their first event. `forgetKeys`
 * may give 0: keys are then kept for longer. `importRecords` makes `import` from three small steps. `open` and `close`
 * may have nothing to do.
 */
export interface Upkeep {
  /** Connects, checks that the database can keep the promises, and refuses one that cannot. */
  open(): Promise<void>
  close(): Promise<void>
  /** Resolves once the store can serve. Rejects if it cannot. */
  ping(): Promise<void>
  saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void>
  /** Deletes keys whose time is over. Gives their number. */
  forgetKeys(): Promise<number>
  /**
   * Appends records in their order, however many, in chunks. Others append between chunks. Gives the progress before
   * the first chunk and after each.
   *
   * ONCE: the transaction that moves records also stores the progress, under the import's name. After a crash, or a
   * StoreError, the same call goes on from there. Nothing is moved before all records have been read once. An error of
   * reading is thrown.
   */
  import(name: string, records: Records, options: ImportOptions): AsyncGenerator<ImportProgress>
  /**
   * Raises the log's epoch. Call it after the database was restored to an earlier time, and before it is served again:
   * positions are used anew, and the epoch tells old positions from new ones. It deletes the idempotency keys,
   * snapshots and pending entries of events after the head. Stop all processes first: a process that has the log open
   * would keep the old epoch.
   */
  beginEpoch(): Promise<RestoreResult>
}

/** The log's name, and how often it was restored. Positions are used again after a restore to an earlier time. */
export type LogIdentity = { readonly id: string; readonly epoch: number }

/** The result of a restore: the new epoch, and how much was deleted with the lost events. */
export type RestoreResult = {
  readonly epoch: number
  readonly keys: number
  readonly snapshots: number
  readonly entries: number
}
