import type { Table, Value } from './tables.ts'

/** Reads of rows, each with what holds of its table in the same snapshot. */
export interface ReadRows {
  /** The rows of these keys, those that exist, in no order. */
  rows(table: Table, keys: readonly string[]): Promise<readonly StoredRow[]>
  /** One row, read with the checkpoint. */
  get(table: Table, key: string): Promise<ReadResult<StoredRow | null>>
  /** One page of rows: equality on declared indexes, see ListOptions for the order. Throws a TypeError for a field that is no index. */
  list(table: Table, options: ListOptions): Promise<ReadResult<readonly StoredRow[]>>
  count(table: Table, where: Readonly<Record<string, Value>>): Promise<ReadResult<number>>
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
export type ReadResult<T> = {
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
