// The writes of a subscription: one page at a time, with the checkpoint that the page moves.
import type { NewAgenda } from '../agenda/agenda.ts'
import type { NewParked, Parked } from './parked.ts'
import type { Value } from './tables.ts'

/** `commit` makes a row include each event once. So no store may simplify these calls. */
export interface Checkpoints {
  /**
   * Writes a page whole or not at all. False: the subscription has another epoch, or is not at `from`; nothing was
   * written.
   * EXACTLY ONCE: the checkpoint moves from `from` to `to` in the transaction that writes the rows.
   * A lease whose time is over still counts until it is taken over.
   * Throws PageRefused if the page can never be written: for a value that some store cannot keep, and if `run` throws.
   * Every other failure is the store's, and the same page may be written later. It is a StoreError; if that is
   * `unknown`, the page may have been written: if the checkpoint is still `from`, it was not.
   */
  commit(page: NewPage): Promise<boolean>
  /** The progress of subscriptions that have begun, by name. Without names, all of them. */
  progress(names?: readonly string[]): Promise<readonly Progress[]>
  /**
   * Moves a subscription to a position, empties its table and deletes its parked keys. The owner of its lease loses the
   * lease.
   */
  reset(name: string, position: number): Promise<void>
}

/** The progress of a subscription. All events up to `position` are handled and durable, whether or not they matched. */
export type Progress = {
  readonly name: string
  readonly position: number
  /** The position after which it began. */
  readonly start: number
  readonly epoch: number
  readonly savedAt: string
}

/** The changes that become durable together: rows, parked keys, entries, and the checkpoint, which guards them all. */
export type NewPage = {
  readonly name: string
  /** The table of its rows. Default: the one with the subscription's name. */
  readonly table?: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  /** How long the lease lasts from now on, in ms. */
  readonly ttlMs: number
  /** In the order of their keys, each key once. */
  readonly rows: readonly NewRow[]
  readonly park: readonly NewParked[]
  readonly unpark: readonly Pick<Parked, 'kind' | 'key'>[]
  /**
   * Whether the log can make the effects again. A loss of power may then take the page back, with its checkpoint and all
   * later pages. A process that ends takes nothing back. Default: false, so that the page is on the disk when it resolves.
   */
  readonly isRebuildable?: boolean
  /** Entries to add to the agenda, and to remove from it. Default: none. */
  readonly agenda?: NewAgenda
  /**
   * The writes of a `sql` projection in the same transaction, by the database's own client: a Database of `bun:sqlite`,
   * which needs a synchronous function, or a transaction of postgres.js. The memory read model refuses it. If it
   * throws, `commit` throws PageRefused with that as its cause, and nothing of the page is written. If the store failed
   * it, `commit` throws a StoreError.
   */
  readonly run?: (sql: unknown) => unknown
  /**
   * Whether a row at the same position or a higher one stays as it is, because an append wrote it. A row is deleted only
   * where it is at the same position or a lower one. Default: false.
   */
  readonly keepsNewer?: boolean
  /** Only finds out whether the page can be written: nothing of it is, and `commit` gives false. Default: false. */
  readonly isTrial?: boolean
  /**
   * Whether the page pauses its subscription, in the same transaction: the lease is that of PAUSED_OWNER from then on,
   * under a new epoch, until somebody gives it back. Default: false.
   */
  readonly pauses?: boolean
}

/**
 * A row after a page. `data`: JSON text without a line feed; null: the row is deleted. `fields`: the values of the
 * table's indexes, in their order. Keys and texts must not contain U+0000 or half a surrogate pair; see `isStorable` in
 * check.ts.
 */
export type NewRow = {
  readonly key: string
  /** The position of the last event folded into it. */
  readonly position: number
  readonly data: string | null
  readonly fields: readonly Value[]
}
