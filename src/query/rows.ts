// Lists for queries and routes, and the tags of an answer for the rows that it read.
import { indexValue } from '../definitions/projection/fold.ts'
import { type Criterion, type RowFilter, valuesOfCriterion } from '../ports/read-model/filter.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { ReadResult, ListOptions, StoredRow } from '../ports/read-model/rows.ts'
import type { Table, Value } from '../ports/read-model/tables.ts'
import { BadList, filterOf, type Where } from './where.ts'

/** Which page of a list to read. `sort`: indexes, one after the other, with `-` before one for descending order. */
export type ListRequest = {
  readonly sort?: string | readonly string[]
  readonly limit?: number
  readonly cursor?: string
  /** Conditions that the caller did not give, and that hold besides its own: for it there are no other rows. */
  readonly within?: RowFilter
  /** Begins after this row, instead of a cursor. */
  readonly after?: { readonly key: string } & RowValues
}
type RowValues = Readonly<Record<string, string | number | boolean | null | undefined>>
export type RowPage = { readonly rows: readonly StoredRow[]; readonly next: string | null } & Pick<
  ReadResult<unknown>,
  'position' | 'parked'
>

export const LIST_LIMIT = 100
export const LIST_LIMIT_MAX = 1_000

/**
 * Reads one page of a list, without parked rows. Throws BadList for a field that is no index, a value of the wrong kind, or a cursor of
 * another list.
 */
export async function list(readModel: ReadModel, table: Table, where: Where, by: ListRequest): Promise<RowPage> {
  const { limit = LIST_LIMIT } = by
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= LIST_LIMIT_MAX))
    throw new BadList('limit', `expected a whole number from 1 to ${LIST_LIMIT_MAX}`)
  const sort = sortOf(table, by.sort)
  const options: ListOptions = {
    where: [...filterOf(table, where), ...(by.within ?? [])],
    sort,
    after: by.after ? placeOf(by.after, sort) : afterCursor(table, by.cursor, sort),
    limit: limit + 1,
    skipsParked: true,
  }
  const { found, ...rest } = await readModel.list(table, options)
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: last && found.length > limit ? cursorOf(last, sort) : null, ...rest }
}

/** Counts rows, without parked rows. Throws BadList as `list` does. */
export function count(
  readModel: ReadModel,
  table: Table,
  where: Where,
  { within = [] }: Pick<ListRequest, 'within'> = {},
): Promise<ReadResult<number>> {
  return readModel.count(table, [...filterOf(table, where), ...within], { skipsParked: true })
}

function sortOf({ indexes }: Table, sort: ListRequest['sort'] = []): ListOptions['sort'] {
  const fields = (typeof sort === 'string' ? [sort] : sort).map(name => {
    const descending = name.startsWith('-')
    return { field: descending ? name.slice(1) : name, descending }
  })
  if (new Set(fields.map(({ field }) => field)).size < fields.length) throw new BadList('sort', 'names an index twice')
  if (fields.every(({ field }) => indexes.some(index => index.field === field))) return fields
  throw new BadList(
    'sort',
    `expected an index, with - before it for descending order: ${indexes.map(({ field }) => field).join(', ')}`,
  )
}

/** A cursor holds the end of a page: the order of the list, the values and the key. None of them is a secret. */
function cursorOf({ key, data }: StoredRow, sort: ListOptions['sort']): string {
  const values = sort.length ? placeOf({ ...(JSON.parse(data) as RowValues), key }, sort).values : [null]
  return Buffer.from(JSON.stringify([nameOf(sort), ...values, key])).toString('base64url')
}

function afterCursor({ indexes }: Table, cursor: string | undefined, sort: ListOptions['sort']): ListOptions['after'] {
  if (cursor === undefined) return null
  const kinds = sort.map(({ field }) => indexes.find(index => index.field === field)?.kind ?? null)
  try {
    const [order, ...place] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as readonly unknown[]
    const key = place.pop()
    const isPlace = place.length === Math.max(1, sort.length) && place.every((value, i) => isValue(value, kinds[i] ?? null))
    if (order === nameOf(sort) && isText(key) && isPlace) return { values: (place as Value[]).slice(0, sort.length), key }
  } catch {
    // Thrown below.
  }
  throw new BadList('cursor', 'is no cursor of a list in this order')
}

function isValue(value: unknown, kind: 'text' | 'number' | null): boolean {
  if (value === null) return true
  return kind === 'text' ? isText(value) : kind === 'number' && Number.isFinite(value)
}

/** Whether a value is a text that every database takes. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function placeOf(row: { readonly key: string } & RowValues, sort: ListOptions['sort']): NonNullable<ListOptions['after']> {
  return { values: sort.map(({ field }) => indexValue(row[field])), key: row.key }
}

const nameOf = (sort: ListOptions['sort']): string =>
  sort.map(({ field, descending }) => `${descending ? '-' : ''}${field}`).join(',')

/** A row with its key, as JSON text: first the key, then the stored fields. */
export function rowText(key: string, data: string): string {
  const rest = data.slice(1)
  return `{"key":${JSON.stringify(key)}${rest === '}' ? '' : ','}${rest}`
}

/**
 * The tags of a read. A row has its key. A list has the values that one of its fields may have, or else a tag for any
 * change of the table.
 */
export function tagsOf(table: Table, read: { readonly key: string } | { readonly where: Where }): readonly string[] {
  if ('key' in read) return [`${table.name}:${read.key}`]
  const filter = filterOf(table, read.where)
  const values = ({ is }: Criterion) => is === 'equal' || is === 'one of'
  const narrow = filter.filter(values).find(criterion => valuesOfCriterion(criterion).length <= TAGGED_VALUES_MAX)
  return narrow ? valuesOfCriterion(narrow).map(value => `${table.name}.${narrow.field}:${value}`) : [`${table.name}.*`]
}

/** A list of more values than this depends on any change of its table, so that an answer has few tags. */
const TAGGED_VALUES_MAX = 10

/** The tags of the reads that a row's change affects. */
export function tagsOfChange(
  table: Table,
  {
    key,
    before,
    after,
  }: { readonly key: string; readonly before: readonly Value[] | null; readonly after: readonly Value[] | null },
): readonly string[] {
  const fields = table.indexes.flatMap(({ field }, i) => [
    ...(before ? [`${table.name}.${field}:${before[i]}`] : []),
    ...(after && after[i] !== before?.[i] ? [`${table.name}.${field}:${after[i]}`] : []),
  ])
  return [`${table.name}:${key}`, `${table.name}.*`, ...fields]
}

/** The tag of every answer made of a table's rows: the table's name. Each of its other tags begins with it. */
export function tableOfTag(tag: string): string {
  return tag.split(/[:.]/, 1)[0]!
}
