// Plans a list that an index on (field, key) answers: comparisons of columns, for any database.
import { type Comparison, type Criterion, endOfPrefix, type RowFilter } from './filter.ts'
import type { ListOptions, SortField } from './rows.ts'
import type { Value } from './tables.ts'

export type Condition =
  | { readonly is: 'equal'; readonly column: string; readonly value: string | number }
  | { readonly is: 'one of'; readonly column: string; readonly values: readonly (string | number)[]; readonly orNull: boolean }
  | { readonly is: 'null'; readonly column: string }
  | { readonly is: 'not null'; readonly column: string }
  | ComparedValues

/** These columns together compare so with these values: a row comparison. */
export type ComparedValues = {
  readonly is: Comparison
  readonly columns: readonly string[]
  readonly values: readonly (string | number)[]
}

/** Rows come in the order of these columns; all rows of a part come before those of the next part. */
export type Listing = {
  readonly order: readonly { readonly column: string; readonly descending: boolean }[]
  readonly parts: readonly (readonly Condition[])[]
}

/** Plans a list. Nulls are a part of their own if a row comparison would skip them. */
export function planListing({ where, sort, after }: Pick<ListOptions, 'where' | 'sort' | 'after'>): Listing {
  const asked = conditions(where)
  // Without a sort, rows of one value are in the order of their keys in the index of the first equality in `where`.
  const equal = where.find(({ is }) => is === 'equal')
  const fields = sort.length || !equal ? sort : [{ field: equal.field, descending: false }]
  const order = fields.map(({ field, descending }) => ({ column: columnOf(field), descending }))
  return {
    order: [...order, { column: 'key', descending: isKeyDescending(sort) }],
    parts: behind(sort, after).map(part => [...asked, ...part]),
  }
}

/** The keys of rows with the same values follow the direction of the last field. */
export function isKeyDescending(sort: readonly SortField[]): boolean {
  return sort.at(-1)?.descending ?? false
}

export function conditions(where: RowFilter): readonly Condition[] {
  return where.flatMap(conditionsOf)
}

export function columnOf(field: string): string {
  return `f_${field}`
}

function conditionsOf(criterion: Criterion): readonly Condition[] {
  const column = columnOf(criterion.field)
  switch (criterion.is) {
    case 'equal':
      return [equals(column, criterion.value)]
    case 'one of': {
      const values = criterion.values.filter(value => value !== null)
      return [{ is: 'one of', column, values, orNull: values.length < criterion.values.length }]
    }
    case 'not null':
      return [{ is: 'not null', column }]
    case 'prefix':
      return startsWith(column, criterion.value)
    default:
      return [{ is: criterion.is, columns: [column], values: [criterion.value] }]
  }
}

function startsWith(column: string, prefix: string): readonly Condition[] {
  const end = endOfPrefix(prefix)
  return [
    { is: '>=', columns: [column], values: [prefix] },
    ...(end === null ? [] : [{ is: '<', columns: [column], values: [end] } as const]),
  ]
}

/** The rows behind a row: first those that have the same values in the most fields. */
function behind(sort: ListOptions['sort'], after: ListOptions['after']): readonly (readonly Condition[])[] {
  if (!after) return [[]]
  const { values, key } = after
  const same = sort.map(({ field }, i) => equals(columnOf(field), values[i]!))
  const parts = sort.map((field, i) => {
    const rest: Rest = i === sort.length - 1 ? { columns: ['key'], values: [key] } : { columns: [], values: [] }
    return farther(field, values[i]!, rest).map(condition => [...same.slice(0, i), condition])
  })
  // A row comparison with the last value includes the key.
  const isCompared = sort.length > 0 && values[sort.length - 1] !== null
  const keys: Condition = { is: isKeyDescending(sort) ? '<' : '>', columns: ['key'], values: [key] }
  return [...(isCompared ? [] : [[...same, keys]]), ...parts.toReversed().flat()]
}

type Rest = Pick<ComparedValues, 'columns' | 'values'>

/** The conditions of which one holds for each row that is farther by this field. Ascending, nulls come first. */
function farther({ field, descending }: SortField, value: Value, rest: Rest): readonly Condition[] {
  const column = columnOf(field)
  if (value === null) return descending ? [] : [{ is: 'not null', column }]
  const columns = [column, ...rest.columns]
  const compared: Condition = { is: descending ? '<' : '>', columns, values: [value, ...rest.values] }
  return descending ? [compared, equals(column, null)] : [compared]
}

function equals(column: string, value: Value): Condition {
  return value === null ? { is: 'null', column } : { is: 'equal', column, value }
}
