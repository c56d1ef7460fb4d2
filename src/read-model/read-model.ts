// The port to read models: rows, how far each subscription has come, who may write, and what is put aside. Rows cross it as text.

import type { NewAgenda } from './agenda.ts'

/** Where the rows of one version of a projection are, and the name of the subscription that fills it: `orders_v1`. */
export type Table = { readonly name: string; readonly indexes: readonly Index[] }
/** A field that is kept beside the row, so that it can be asked for and sorted by. Booleans are numbers, 0 and 1. */
export type Index = { readonly field: string; readonly kind: 'text' | 'number' }
export type Value = string | number | null

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
export type StoredRow = {
  readonly key: string
  readonly position: number
  readonly data: string
  /** The position of the event that its fold could not take; null: all is well. */
  readonly parked: number | null
}

/** Rows in order of a field (nulls first) and then of the key, by code points; descending turns both around. */
export type ListOptions = {
  readonly where: Readonly<Record<string, Value>>
  readonly sort: { readonly field: string; readonly descending: boolean } | null
  /** Begins behind this row: its value of the field sorted by (null without one) and its key. */
  readonly after: { readonly value: Value; readonly key: string } | null
  readonly limit: number
}
/** What a read found, with what holds of its table in the same snapshot. */
export type Found<T> = {
  readonly found: T
  /** The table's checkpoint: what is read may be newer than it, never older. */
  readonly position: number
  /**
   * The lowest position at which something is parked that may be missing in what was found; null: nothing is. Of one row that is its own
   * event, or that of any stream, as nobody knows which keys a stream's events would have touched. Of a list and of a count it is whatever
   * is parked of the table, also where they are narrowed by fields, as nobody knows which values a row would have that has stopped.
   */
  readonly parked: number | null
}

/** How far a subscription has come. All at or below `position` is done and durable, whether or not anything matched. */
export type Progress = { readonly name: string; readonly position: number; readonly epoch: number; readonly savedAt: string }

/** The right to move a subscription on. Whoever has a later epoch has taken it over, and the earlier one's writes are refused. */
export type Lease = {
  readonly name: string
  readonly epoch: number
  readonly position: number
  /** How often in a row it was taken over by another, not given back, at this position. */
  readonly takeovers: number
  /** What its last owner was about to do one by one when it ended. */
  readonly suspect: Suspect | null
}
/** Who has a lease that was not given back, and for how many ms more; a negative number: its time is over, and nobody has taken it. */
export type Held = { readonly name: string; readonly owner: string; readonly epoch: number; readonly leftMs: number }
export type Suspect = {
  readonly position: number
  readonly key: string | null
  /** How many owners in a row have ended at it, this one included. */
  readonly times: number
}

/** A key, or with `kind` stream a whole stream, whose events a subscription passes over, as one of them could not be handled. */
export type Parked = {
  readonly name: string
  readonly kind: 'key' | 'stream'
  readonly key: string
  /** The position of the event that could not be handled. */
  readonly position: number
  readonly cause: string
  readonly at: string
  /** What `unpark` asked of its owner: to handle it again, or to pass over this one event and handle what came after it. */
  readonly again: Again | null
}
export type Again = 'whole' | 'skip'
/** How much of a subscription is parked. */
export type ParkedCount = { readonly name: string; readonly keys: number; readonly streams: number }
export type NewParked = Pick<Parked, 'kind' | 'key' | 'position' | 'cause'>

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
 * A lasting read model, in the same database as the log. Every call may throw a StoreError.
 * Time is the database's own; memory's is its injected clock.
 */
export interface ReadModel {
  /**
   * Makes the tables that are missing, with their indexes; any number of processes may say so at once, and each does before it commits
   * rows. Throws a TypeError for names that would have to be quoted, and where a table is there with other indexes.
   */
  prepare(tables: readonly Table[]): Promise<void>
  /** Forgets a table with its rows, checkpoint, lease and parked keys, and that it serves. Its epochs never come again. */
  drop(name: string): Promise<void>
  /** The names of all tables there are. */
  tables(): Promise<readonly string[]>

  /**
   * Takes the lease where nobody else has it or its time is over; null: another has it. A subscription that is new begins after `start`.
   * Its owner may take it again, which counts as taking over. It waits for a page of the owner before that is just being written.
   */
  acquire(
    name: string,
    options: { readonly owner: string; readonly ttlMs: number; readonly start: number },
  ): Promise<Lease | null>
  /** Prolongs a lease, also while a page is written; false: it was taken over or given back. */
  renew(name: string, epoch: number, ttlMs: number): Promise<boolean>
  /** Gives a lease back, so that another need not wait; one that was taken over is left alone. */
  release(name: string, epoch: number): Promise<void>
  /** Leases that were not given back, by name. */
  leases(): Promise<readonly Held[]>
  /**
   * Notes what is about to be done, so that whoever takes over knows what it may have died of. False: it was taken over. It is forgotten
   * when a checkpoint reaches its position, and when the lease is given back.
   */
  suspect(name: string, epoch: number, suspect: Suspect | null): Promise<boolean>

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

  /** The rows of these keys, those that exist, in no order. */
  rows(table: Table, keys: readonly string[]): Promise<readonly StoredRow[]>
  /** One row, read with the checkpoint. */
  get(table: Table, key: string): Promise<Found<StoredRow | null>>
  /** One page of rows: equality on declared indexes, see ListOptions for the order. Throws a TypeError for a field that is no index. */
  list(table: Table, options: ListOptions): Promise<Found<readonly StoredRow[]>>
  count(table: Table, where: Readonly<Record<string, Value>>): Promise<Found<number>>

  /** What is parked, by name and position. */
  parked(name?: string): Promise<readonly Parked[]>
  /** How much is parked, of each subscription that has something parked, by name. */
  parkedCounts(): Promise<readonly ParkedCount[]>
  /** Asks the owner to handle what is parked again; without a key (undefined) all of it. Gives how many there were. */
  unpark(name: string, key?: string, again?: Again): Promise<number>

  /** Which table serves a projection; null: none yet. */
  serving(projection: string): Promise<string | null>
  /** Lets another table serve, if it has come at least as far as the one that does. False: it has not. */
  serve(projection: string, name: string): Promise<boolean>
}

/** The order of keys and texts: by code points, as "C" collation and memcmp of UTF-8 have it. */
export function compareText(one: string, other: string): number {
  const end = Math.min(one.length, other.length)
  for (let i = 0; i < end; i++) {
    const a = one.charCodeAt(i)
    const b = other.charCodeAt(i)
    if (a !== b) return rank(a) - rank(b)
  }
  return one.length - other.length
}

/** Surrogates stand for code points above all others, though their UTF-16 units are below U+E000. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
