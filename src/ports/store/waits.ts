// What waits in a database, and for whom: for an explanation of why an app stands still. No path depends on it.

/** A session of the database, or a process that has its file open. A text or a time that is not known is null. */
export type DatabaseSession = {
  /** 0: a prepared transaction, which has no process. */
  readonly pid: number
  /** What it calls itself: `application_name`, or its command line. */
  readonly application: string
  /** Whether it is a process of an Emaki app. */
  readonly isOurs: boolean
  /** `active`, `idle in transaction` …. Null: we may not see it, or nobody knows it. */
  readonly state: string | null
  /** What it waits for, as `pg_stat_activity` names it: `Lock:advisory`, `IPC:SyncRep`. */
  readonly waitsFor: string | null
  /** The beginning of its last statement. */
  readonly query: string | null
  /** How long it has been in its state, in ms. */
  readonly stateMs: number | null
  /** How long it has waited for the lock that it waits for, in ms. */
  readonly waitMs: number | null
  readonly holdsLog: boolean
  readonly waitsForLog: boolean
  /** The processes that it waits for. */
  readonly blockedBy: readonly number[]
}

/** A pool of connections of this process, all of which are taken. */
export type FullPool = { readonly role: string; readonly max: number; readonly waiting: number; readonly waitMs: number }

export type Waits = {
  /** Those that wait for each other, or for the log, with those that they wait for. Bounded. */
  readonly sessions: readonly DatabaseSession[]
  /** The statement that lets us see the sessions of others. Null: we see them. */
  readonly grant: string | null
  /** SQLite: a write-ahead log that grows, because readers keep it from being copied back. Null: it does not. */
  readonly wal: { readonly bytes: number; readonly readers: readonly number[] } | null
}

/** The optional part of a store that tells what it waits for. */
export interface WaitSource {
  /**
   * Reads who waits for whom, from a connection of its own and without a transaction that stays open. It also works on a
   * store that could not be opened. May throw a StoreError.
   */
  readWaits?(): Promise<Waits>
  /** The pools of this process in which somebody waits for a connection. It asks nobody. */
  fullPools?(): readonly FullPool[]
  /** Whether appends of other processes are not heard, and only found by polling. It asks nobody. */
  isDeaf?(): boolean
}
