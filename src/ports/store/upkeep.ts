// The part of a store that keeps it running: its life, and what is done to it now and then.
import type { ImportOptions, ImportProgress, Records } from './import.ts'
import type { NewSnapshot } from './load.ts'

/**
 * No path waits for these. `saveSnapshots` may do nothing, as states are then folded from their first event; `forgetKeys` may give 0, as keys
 * are then kept for longer; `import` is made of three small steps by `importRecords`; `open` and `close` may have nothing to do.
 */
export interface Upkeep {
  /** Connects, proves what the promises rest on, and refuses what cannot keep them. */
  open(): Promise<void>
  close(): Promise<void>
  /** Resolves once the store can serve; throws where it cannot. */
  ping(): Promise<void>
  saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void>
  /** Deletes keys whose time is over; gives how many. */
  forgetKeys(): Promise<number>
  /**
   * Appends records in the order given, however many, in chunks between which others append; gives how far it has come before the first
   * chunk and after each.
   *
   * ONCE: what was moved is remembered under the import's name in the transaction that moves it. After a crash, or a StoreError, the same
   * call goes on where it had come to. Nothing is moved before all records have been read once: what reading throws, this throws.
   */
  import(name: string, records: Records, options: ImportOptions): AsyncGenerator<ImportProgress>
  /**
   * Raises the log's epoch, after its database was restored to an earlier time and before it is served again: positions are used anew, and
   * the epoch tells a position of before from one of now. It forgets the idempotency keys, snapshots and pending entries of events behind
   * the head. Processes that have the log open go on with the epoch of before: they have to be stopped.
   */
  beginEpoch(): Promise<RestoreResult>
}

/** The log's name and how often it was restored: positions are reused after a restore to an earlier time. */
export type LogIdentity = { readonly id: string; readonly epoch: number }

/** What became of a log that was restored: its epoch from now on, and how much was forgotten with the events that are gone. */
export type RestoreResult = {
  readonly epoch: number
  readonly keys: number
  readonly snapshots: number
  readonly entries: number
}
