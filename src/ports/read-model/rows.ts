import type { RowFilter } from './filter.ts'
import type { Table, Value } from './tables.ts'

/** Reads rows, each together with the status of its table in the same snapshot. */
export interface ReadRows {
  /** Gives the rows of these keys, in any order. Keys without a row are left out. */
  rows(table: Table, keys: readonly string[]): Promise<readonly StoredRow[]>
  /** Gives one row, read with the checkpoint. `streams`: those whose events change this row and no other. Default: none. */
  get(table: Table, key: string, streams?: readonly string[]): Promise<RowResult>
  /**
   * Gives one page of rows, selected by their indexes; see ListOptions for the order. Throws a TypeError for a field
   * without an index.
   */
  list(table: Table, options: ListOptions): Promise<ReadResult<readonly StoredRow[]>>
  count(table: Table, where: RowFilter, options?: SkipParked): Promise<ReadResult<number>>
  /** Counts a slice of the rows by their values of some indexes. Throws a TypeError for a field without an index. */
  tally(table: Table, options: TallyOptions): Promise<Tally>
}

export type StoredRow = {
  readonly key: string
  readonly position: number
  readonly data: string
  /** The position of the event that could not be folded into the row; null: there is none. */
  readonly parked: number | null
}

/**
 * The order is by the fields (nulls first), one after the other, and then by key, by code points. A descending field
 * reverses its own order. The last field gives the direction of the keys.
 */
export type ListOptions = SkipParked & {
  readonly where: RowFilter
  /** Empty: by key. */
  readonly sort: readonly SortField[]
  /** The page begins after this row: its values of the sort fields and its key. */
  readonly after: { readonly values: readonly Value[]; readonly key: string } | null
  readonly limit: number
}
/** A field to sort by: an index. */
export type SortField = { readonly field: string; readonly descending: boolean }
/** `skipsParked`: leaves out the rows whose own key is parked. Default: false. */
export type SkipParked = { readonly skipsParked?: boolean }
/** The result of a read, with the status of the table in the same snapshot. */
export type ReadResult<T> = {
  readonly found: T
  /** The checkpoint of the table. The result may be newer, never older. */
  readonly position: number
  /**
   * The lowest position at which something is parked that the result may lack; null: there is none.
   * For one row: its own event, or that of one of its streams. For a list and a count: everything that is parked of the
   * table, even with a `where`, because the values of a stopped row are not known.
   */
  readonly parked: number | null
}
/**
 * One row; null if there is none. `parkedStream`: the lowest position at which any other stream is parked, because the
 * keys that its events would change are not known.
 */
export type RowResult = ReadResult<StoredRow | null> & { readonly parkedStream: number | null }

export type TallyOptions = {
  /** Indexes. Rows with the same values are counted together. */
  readonly by: readonly string[]
  /** A number to add up. Null: none. */
  readonly sum: string | null
  /** Counts rows after this key. Null: from the first on. */
  readonly after: string | null
  /** How many rows to count, at most. The memory store counts all of them. */
  readonly limit: number
}

/** Rows with the same values: how many, and the sum of their numbers. One that is null adds nothing. */
export type TallyGroup = { readonly values: readonly Value[]; readonly many: number; readonly sum: number }
/** The groups of a slice, in any order. `last`: the key after which the next slice begins. Null: there is none. */
export type Tally = { readonly groups: readonly TallyGroup[]; readonly last: string | null }
