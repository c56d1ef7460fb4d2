// What a subscription writes: one page at a time, with the checkpoint that it moves.
import type { NewAgenda } from '../agenda/agenda.ts'
import type { NewParked, Parked } from './parked.ts'
import type { Value } from './tables.ts'

/** That a row holds each event once rests on `commit`: none of these may be left simple. */
export interface Checkpoints {
  /**
   * Writes a page whole or not at all. False: the epoch or `from` is no longer the subscription's, and nothing was written.
   * EXACTLY ONCE: the checkpoint moves from `from` to `to` in the transaction that writes the rows.
   * A lease whose time is over still counts until it is taken over. Throws a TypeError for rows that no database could keep, and a
   * StoreError `unknown` where it may have been written: where `from` is the checkpoint still, it was not.
   */
  commit(page: NewPage): Promise<boolean>
  /** Where subscriptions are, of those that have begun, by name; without names all. */
  progress(names?: readonly string[]): Promise<readonly Progress[]>
  /** Moves a subscription to a position, empties its table and forgets what is parked; whoever has its lease loses it. */
  reset(name: string, position: number): Promise<void>
}

/** How far a subscription has come. All at or below `position` is done and durable, whether or not anything matched. */
export type Progress = { readonly name: string; readonly position: number; readonly epoch: number; readonly savedAt: string }

/** What becomes durable together: rows, what is parked or no longer, and the checkpoint, which is the guard of it all. */
export type NewPage = {
  readonly name: string
  /** The table of its rows. Default: the one named as the subscription is. */
  readonly table?: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  /** How long the lease holds from now on, in ms. */
  readonly ttlMs: number
  /** In order of their keys, each key once. */
  readonly rows: readonly NewRow[]
  readonly park: readonly NewParked[]
  readonly unpark: readonly Pick<Parked, 'kind' | 'key'>[]
  /** What is to be sent, or no longer. Default: nothing. */
  readonly agenda?: NewAgenda
  /**
   * What a `sql` projection writes in the same transaction, by the database's own client: `bun:sqlite`'s Database, where it has to be
   * synchronous, or postgres.js's transaction. Memory refuses it. What it throws is thrown, and nothing of the page is written.
   */
  readonly run?: (sql: unknown) => unknown
}

/**
 * A row as a page leaves it; `data` is JSON text without a line feed, null: it is deleted. `fields` are the values of the table's indexes,
 * in their order. Keys and texts hold no U+0000 and no half surrogate pair, see `isStorable` in check.ts.
 */
export type NewRow = {
  readonly key: string
  /** The position of the last event folded into it. */
  readonly position: number
  readonly data: string | null
  readonly fields: readonly Value[]
}
