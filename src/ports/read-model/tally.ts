// Counts rows by their values of some indexes. A store counts a slice of the rows at a time, so that none is long.
import { compareText } from './compare-text.ts'
import { columnOf } from './listing.ts'
import type { Tally, TallyGroup, TallyOptions } from './rows.ts'
import type { Table, Value } from './tables.ts'

/** A group as SQL gives it: the values by place, and the last key. */
export type TallyRow = { readonly [value: `v${number}`]: Value } & {
  readonly many: number
  readonly sum: number
  readonly last: string | null
}

/** The statement that counts a slice of the rows in `from`; its values are `after` and `limit`. Throws a TypeError. */
export function tallyText(table: Table, options: TallyOptions, from: string): string {
  checkTally(table, options)
  const { by, sum } = options
  const columns = by.map(field => `"${columnOf(field)}"`)
  const added = sum === null ? '0' : `coalesce(sum("${columnOf(sum)}"), 0)`
  const wanted = [...new Set([...columns, ...(sum === null ? [] : [`"${columnOf(sum)}"`])])]
  return `select ${columns.map((column, i) => `${column} as v${i}, `).join('')}count(*) as many, ${added} as sum, max(key) as last
    from (select ${['key', ...wanted].join(', ')} from ${from} where key > $1 order by key limit $2) s
    ${columns.length ? `group by ${columns.join(', ')}` : ''}`
}

/** Reads what the statement gave. */
export function readTally(rows: readonly TallyRow[], { by, limit }: TallyOptions): Tally {
  const found = rows.filter(({ many }) => many > 0)
  const counted = found.reduce((sum, { many }) => sum + many, 0)
  return {
    groups: found.map(row => ({ values: by.map((_, i) => row[`v${i}`]!), many: row.many, sum: row.sum })),
    last: counted < limit ? null : found.reduce<string>((last, row) => (compareText(row.last!, last) > 0 ? row.last! : last), ''),
  }
}

/** Throws a TypeError for a field without an index, and for a sum of texts. */
function checkTally({ name, indexes }: Table, { by, sum }: TallyOptions): void {
  const missing = [...by, ...(sum === null ? [] : [sum])].find(field => !indexes.some(index => index.field === field))
  if (missing !== undefined) throw new TypeError(`${name} has no index on ${missing}`)
  if (sum !== null && indexes.find(index => index.field === sum)!.kind !== 'number')
    throw new TypeError(`${name}: ${sum} is no number to add up`)
}

/** Counts rows that are in memory. */
export function tallyRows(
  table: Table,
  rows: Iterable<{ readonly fields: readonly Value[] }>,
  options: TallyOptions,
): readonly TallyGroup[] {
  checkTally(table, options)
  const { by, sum } = options
  const { indexes } = table
  const places = by.map(field => indexes.findIndex(index => index.field === field))
  const added = indexes.findIndex(index => index.field === sum)
  const groups = new Map<string, { readonly values: readonly Value[]; many: number; sum: number }>()
  for (const { fields } of rows) {
    const values = places.map(i => fields[i]!)
    const key = JSON.stringify(values)
    const group = groups.get(key) ?? { values, many: 0, sum: 0 }
    group.many++
    group.sum += Number(fields[added] ?? 0)
    groups.set(key, group)
  }
  return [...groups.values()]
}
