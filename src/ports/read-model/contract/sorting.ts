// Values that are hard to sort, and how a sorted array has them.
import { compareText } from '../compare-text.ts'
import type { NewRow } from '../progress.ts'
import type { ReadModel } from '../read-model.ts'
import type { ListOptions } from '../rows.ts'
import type { Value } from '../tables.ts'
import { everything, orders } from './builders.ts'

export const sorts: readonly ListOptions['sort'][] = [
  null,
  ...orders.indexes.flatMap(({ field }) => [false, true].map(descending => ({ field, descending }))),
]

export const numbers = [0, 1, -1, 0.1, 1e21, -1e-7, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE]

export const amounts: readonly (number | null)[] = [null, 0, 1, -2.5, 1e21]

export const statuses: readonly (string | null)[] = [null, '', 'a', '\uffff', '\u{10000}']

/** In an order in which neither UTF-16 nor any language would have them. */
export const texts = [
  'b', 'B', 'a', 'A', 'a\u0308', 'ä', 'z', '絵', '\ue000', '\uffff', '\u{10000}', '😀', '', ' ', "it's", '"quoted"', 'a,b', '{a}', 'a\nb', 'back\\slash', 'NULL',
  'null', '\t', '\u0001', '\u001f', '%', '_', '__proto__', '$1', '--',
] // biome-ignore format: one list

/** All keys of a list, read in pages, each behind the last row of the one before. */
export async function listInPages(
  readModel: ReadModel,
  where: ListOptions['where'],
  sort: ListOptions['sort'],
): Promise<readonly string[]> {
  const keys: string[] = []
  const fields = new Map<string, NewRow['fields']>()
  for (let after: ListOptions['after'] = null; ; ) {
    const { found } = await readModel.list(orders, { where, sort, after, limit: 7 })
    keys.push(...found.map(({ key }) => key))
    if (found.length < 7) return keys
    const last = found.at(-1)!.key
    if (sort && !fields.has(last)) await findFields(readModel, last, fields)
    after = { value: sort ? fields.get(last)![sort.field === 'status' ? 0 : 1]! : null, key: last }
  }
}

/** What a row's fields are, found by asking, as rows are read without them. */
async function findFields(readModel: ReadModel, key: string, fields: Map<string, NewRow['fields']>): Promise<void> {
  for (const status of statuses)
    for (const total of amounts) {
      const { found } = await readModel.list(orders, { ...everything, where: { status, total } })
      for (const row of found) fields.set(row.key, [status, total])
    }
  if (!fields.has(key)) throw new Error(`expected to find ${key} by its fields`)
}

export function sortRows(rows: readonly NewRow[], where: ListOptions['where'], sort: ListOptions['sort']): readonly NewRow[] {
  const sign = sort?.descending ? -1 : 1
  return rows
    .filter(({ fields }) => orders.indexes.every(({ field }, i) => !(field in where) || where[field] === fields[i]))
    .toSorted((one, other) => {
      const [a, b] = [placeOf(one, sort), placeOf(other, sort)]
      return sign * (compareNullsFirst(a.value, b.value) || compareText(a.key, b.key))
    })
}

export function placeOf({ key, fields }: NewRow, sort: ListOptions['sort']): { value: Value; key: string } {
  return { value: sort ? fields[orders.indexes.findIndex(({ field }) => field === sort.field)]! : null, key }
}

function compareNullsFirst(one: Value, other: Value): number {
  if (one === other) return 0
  if (one === null) return -1
  if (other === null) return 1
  if (typeof one === 'string') return compareText(one, other as string) // Both are of one index, and so of one kind.
  return one < (other as number) ? -1 : 1
}
