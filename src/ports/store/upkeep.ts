// The part of a store that keeps it running: opening, closing, and occasional work.
import type { ImportOptions, ImportProgress, UnfinishedImport } from './import.ts'
import type { Records } from './import-record.ts'
import type { NewSnapshot } from './load.ts'
import type { KeptKey } from './unit.ts'

/**
 * No path waits for these. `saveSnapshots` may do nothing: states are then folded from their first event. `forgetKeys`
 * may give 0: keys are then kept for longer. `importRecords` makes `import` from a Staging. `open` and `close` may have
 * nothing to do.
 */
export interface Upkeep {
  /** Connects, checks that the database can keep the promises, and refuses one that cannot. */
  open(): Promise<void>
  close(): Promise<void>
  /** Resolves once the store can serve. Rejects if it cannot. */
  ping(): Promise<void>
  /**
   * Saves snapshots, unless the same fold has saved a newer one of the stream. A snapshot replaces those of other folds
   * that are not newer. So the store holds few for a stream, however often its fold changes, and two releases that run
   * side by side read only their own.
   */
  saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void>
  /** Gives a page of the idempotency keys that still live, in their order. The empty text is before all. */
  keys(options: { readonly after: string; readonly limit: number }): Promise<readonly KeptKey[]>
  /**
   * Deletes keys whose time is over. Gives their number. The key of what a processor has sent (`agenda:`, its name, `:`)
   * without an end gets one once its event cannot come again: PASSED_KEEP_MS after the checkpoint is past the effect and
   * nothing before it is parked. A reset to before the effect takes the end away.
   */
  forgetKeys(): Promise<number>
  /**
   * Appends records in their order, however many, in chunks. Others append between chunks. Gives the progress before
   * the first chunk and after each.
   *
   * ONCE: an id is in the log once. Nothing is moved before all records have been read, and compared with each other
   * and with the log. A record that is there already is not moved again. Another record with its id is refused, with
   * its line. After a crash, or a StoreError, an import of the same records goes on where it was. Until then, or until
   * `endImport`, an import of other records is refused. An error of reading is thrown.
   */
  import(records: Records, options: ImportOptions): AsyncGenerator<ImportProgress>
  /** Imports that have begun and have not moved all of their records, the oldest first. */
  imports(): Promise<readonly UnfinishedImport[]>
  /** Gives up an unfinished import. What it has moved stays in the log. False: there is none of that name. */
  endImport(name: string): Promise<boolean>
  /**
   * Raises the log's epoch. Call it after the database was restored to an earlier time, and before it is served again:
   * positions are used anew, and the epoch tells old positions from new ones. It deletes the idempotency keys,
   * snapshots and pending entries of events after the head. Stop all processes first: a process that has the log open
   * would keep the old epoch.
   */
  beginEpoch(): Promise<RestoreResult>
}

/** The log's name, and how often it was restored. Positions are used again after a restore to an earlier time. */
export type LogIdentity = {
  readonly id: string
  readonly epoch: number
  /** Where the log was made, if it was dumped there and restored here. There may be two logs of one id now. */
  readonly restoredFrom?: string
}

/** The result of a restore: the new epoch, and how much was deleted with the lost events. */
export type RestoreResult = {
  readonly epoch: number
  readonly keys: number
  readonly snapshots: number
  readonly entries: number
}
