// Plans a list that an index on (field, key) answers without sorting: comparisons of columns, for any database.
import type { ListOptions } from './rows.ts'
import type { Value } from './tables.ts'

export type Condition =
  | { readonly is: 'equal'; readonly column: string; readonly value: string | number }
  | { readonly is: 'null'; readonly column: string }
  | { readonly is: 'not null'; readonly column: string }
  | BehindValues

/** These columns together come after these values: a row comparison. */
export type BehindValues = {
  readonly is: 'above' | 'below'
  readonly columns: readonly string[]
  readonly values: readonly (string | number)[]
}

/**
 * Rows come in the order of these columns, or in the reverse order; all rows of a part come before those of the next
 * part.
 */
export type Listing = {
  readonly order: readonly string[]
  readonly descending: boolean
  readonly parts: readonly (readonly Condition[])[]
}

/** Plans a list. Nulls are a part of their own if a row comparison would skip them. */
export function planListing({ where, sort, after }: Pick<ListOptions, 'where' | 'sort' | 'after'>): Listing {
  const equal = conditions(where)
  const descending = sort?.descending ?? false
  // Without a sort, rows of one value are in the order of their keys in the index of the first field in `where`.
  const field = sort?.field ?? Object.keys(where)[0]
  const order = field === undefined ? ['key'] : [columnOf(field), 'key']
  return { order, descending, parts: behind(sort, after).map(part => [...equal, ...part]) }
}

export function conditions(where: ListOptions['where']): readonly Condition[] {
  return Object.entries(where).map(([field, value]) => equals(columnOf(field), value))
}

export function columnOf(field: string): string {
  return `f_${field}`
}

function behind(sort: ListOptions['sort'], after: ListOptions['after']): readonly (readonly Condition[])[] {
  if (!after) return [[]]
  const is = sort?.descending ? 'below' : 'above'
  const keys: Condition = { is, columns: ['key'], values: [after.key] }
  if (!sort) return [[keys]]
  const column = columnOf(sort.field)
  if (after.value === null)
    return sort.descending ? [[equals(column, null), keys]] : [[equals(column, null), keys], [{ is: 'not null', column }]]
  const both: Condition = { is, columns: [column, 'key'], values: [after.value, after.key] }
  return sort.descending ? [[both], [equals(column, null)]] : [[both]]
}

function equals(column: string, value: Value): Condition {
  return value === null ? { is: 'null', column } : { is: 'equal', column, value }
}
