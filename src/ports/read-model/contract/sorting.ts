// Values that are hard to sort, and how a sorted array has them.
import { compareText } from '../compare-text.ts'
import type { Criterion, RowFilter } from '../filter.ts'
import type { NewRow } from '../progress.ts'
import type { ReadModel } from '../read-model.ts'
import type { ListOptions, SortField } from '../rows.ts'
import type { Table, Value } from '../tables.ts'
import { orders } from './builders.ts'

export const sorts: readonly (readonly SortField[])[] = [
  [],
  ...orders.indexes.flatMap(({ field }) => [false, true].map(descending => [{ field, descending }])),
]

export const numbers = [0, 1, -1, 0.1, 1e21, -1e-7, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE]

export const amounts: readonly (number | null)[] = [null, 0, 1, -2.5, 1e21]

export const statuses: readonly (string | null)[] = [null, '', 'a', '\uffff', '\u{10000}']

/** In an order in which neither UTF-16 nor any language would have them. */
export const texts = [
  'b', 'B', 'a', 'A', 'a\u0308', 'ä', 'z', '絵', '\ue000', '\uffff', '\u{10000}', '😀', '', ' ', "it's", '"quoted"', 'a,b', '{a}', 'a\nb', 'back\\slash', 'NULL',
  'null', '\t', '\u0001', '\u001f', '%', '_', '__proto__', '$1', '--',
] // biome-ignore format: one list

/** All keys of a list, read in pages, each behind the last row of the one before. `rows` are those of the table. */
export async function listInPages(
  { readModel, table = orders, rows }: ListedTable,
  { where, sort, limit = 7 }: Pick<ListOptions, 'where' | 'sort'> & { readonly limit?: number },
): Promise<readonly string[]> {
  const keys: string[] = []
  for (let after: ListOptions['after'] = null; ; ) {
    const { found } = await readModel.list(table, { where, sort, after, limit })
    keys.push(...found.map(({ key }) => key))
    if (found.length < limit) return keys
    after = placeOf(rows.find(({ key }) => key === keys.at(-1))!, sort, table)
  }
}
type ListedTable = { readonly readModel: ReadModel; readonly table?: Table; readonly rows: readonly NewRow[] }

export function sortRows(
  rows: readonly NewRow[],
  where: RowFilter,
  sort: readonly SortField[],
  table: Table = orders,
): readonly NewRow[] {
  return rows
    .filter(row => where.every(criterion => isMet(criterion, fieldOf(row, criterion.field, table))))
    .toSorted((one, other) => {
      for (const { field, descending } of sort) {
        const order = compareNullsFirst(fieldOf(one, field, table), fieldOf(other, field, table))
        if (order !== 0) return descending ? -order : order
      }
      return (sort.at(-1)?.descending ? -1 : 1) * compareText(one.key, other.key)
    })
}

export function placeOf(row: NewRow, sort: readonly SortField[], table: Table = orders): NonNullable<ListOptions['after']> {
  return { values: sort.map(({ field }) => fieldOf(row, field, table)), key: row.key }
}

function fieldOf({ fields }: NewRow, field: string, { indexes }: Table): Value {
  return fields[indexes.findIndex(index => index.field === field)]!
}

function isMet(criterion: Criterion, found: Value): boolean {
  if (criterion.is === 'equal') return found === criterion.value
  if (criterion.is === 'one of') return criterion.values.some(value => value === found)
  if (found === null) return false
  if (criterion.is === 'not null') return true
  if (criterion.is === 'prefix') return String(found).slice(0, criterion.value.length) === criterion.value
  const order = compareNullsFirst(found, criterion.value)
  return order === 0 ? criterion.is.endsWith('=') : order < 0 === criterion.is.startsWith('<')
}

function compareNullsFirst(one: Value, other: Value): number {
  if (one === other) return 0
  if (one === null) return -1
  if (other === null) return 1
  if (typeof one === 'string') return compareText(one, other as string) // Both are of one index, and so of one kind.
  return one < (other as number) ? -1 : 1
}
