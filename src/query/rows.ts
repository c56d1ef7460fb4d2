// Lists for queries and routes, and the tags of an answer for the rows that it read.
import { indexValue } from '../definitions/projection/fold.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { ReadResult, ListOptions, StoredRow } from '../ports/read-model/rows.ts'
import type { Table, Value } from '../ports/read-model/tables.ts'

/** Which page of a list to read. `sort` is an index, with `-` before it for descending order. */
export type ListRequest = {
  readonly sort?: string
  readonly limit?: number
  readonly cursor?: string
  /** Begins after this row, instead of a cursor. */
  readonly after?: { readonly key: string } & Where
}
export type Where = Readonly<Record<string, string | number | boolean | null | undefined>>
export type RowPage = { readonly rows: readonly StoredRow[]; readonly next: string | null } & Pick<
  ReadResult<unknown>,
  'position' | 'parked'
>

export const LIST_LIMIT = 100
export const LIST_LIMIT_MAX = 1_000

/** A list request that is wrong. `field` names the wrong part. */
export class BadList extends Error {
  readonly field: string
  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}

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
    where: valuesOf(table, where),
    sort,
    after: by.after ? afterRow(by.after, sort) : afterCursor(table, by.cursor, sort),
    limit: limit + 1,
    skipsParked: true,
  }
  const { found, ...rest } = await readModel.list(table, options)
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: last && found.length > limit ? cursorOf(last, sort) : null, ...rest }
}

export function count(readModel: ReadModel, table: Table, where: Where): Promise<ReadResult<number>> {
  return readModel.count(table, valuesOf(table, where), { skipsParked: true })
}

function valuesOf(table: Table, where: Where): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    Object.entries(where).flatMap(([field, value]) => {
      if (value === undefined) return []
      const index = table.indexes.find(index => index.field === field)
      if (!index)
        throw new BadList(field, `is no index; there are ${table.indexes.map(({ field }) => field).join(', ') || 'none'}`)
      const found = indexValue(value)
      if (found !== null && typeof found !== (index.kind === 'text' ? 'string' : 'number'))
        throw new BadList(field, `expected ${index.kind === 'text' ? 'a text' : 'a number'}`)
      return [[field, found]]
    }),
  )
}

function sortOf({ indexes }: Table, sort: string | undefined): ListOptions['sort'] {
  if (sort === undefined) return null
  const descending = sort.startsWith('-')
  const field = descending ? sort.slice(1) : sort
  if (indexes.some(index => index.field === field)) return { field, descending }
  throw new BadList(
    'sort',
    `expected an index, with - before it for descending order: ${indexes.map(({ field }) => field).join(', ')}`,
  )
}

/** A cursor holds the end of a page: the order of the list, the value and the key. None of them is a secret. */
function cursorOf({ key, data }: StoredRow, sort: ListOptions['sort']): string {
  const value = sort
    ? indexValue((JSON.parse(data) as Readonly<Record<string, string | number | boolean | null>>)[sort.field])
    : null
  return Buffer.from(JSON.stringify([nameOf(sort), value, key])).toString('base64url')
}

function afterCursor({ indexes }: Table, cursor: string | undefined, sort: ListOptions['sort']): ListOptions['after'] {
  if (cursor === undefined) return null
  const kind = indexes.find(({ field }) => field === sort?.field)?.kind ?? null
  try {
    const [order, value, key] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as readonly unknown[]
    if (order === nameOf(sort) && isText(key) && isValue(value, kind)) return { value, key }
  } catch {
    // Thrown below.
  }
  throw new BadList('cursor', 'is no cursor of a list in this order')
}

function isValue(value: unknown, kind: 'text' | 'number' | null): value is Value {
  if (value === null) return true
  return kind === 'text' ? isText(value) : kind === 'number' && Number.isFinite(value)
}

/** Whether a value is a text that every database takes. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function afterRow(row: { readonly key: string } & Where, sort: ListOptions['sort']): ListOptions['after'] {
  return { value: sort ? indexValue(row[sort.field]) : null, key: row.key }
}

const nameOf = (sort: ListOptions['sort']): string => (sort ? `${sort.descending ? '-' : ''}${sort.field}` : '')

/** A row with its key, as JSON text: first the key, then the stored fields. */
export function rowText(key: string, data: string): string {
  const rest = data.slice(1)
  return `{"key":${JSON.stringify(key)}${rest === '}' ? '' : ','}${rest}`
}

/**
 * The tags of a read. A row has its key. A list has the first of its values, or else a tag for any change of the table.
 */
export function tagsOf(table: Table, read: { readonly key: string } | { readonly where: Where }): readonly string[] {
  if ('key' in read) return [`${table.name}:${read.key}`]
  const first = Object.entries(read.where).find(([, value]) => value !== undefined)
  return [first ? `${table.name}.${first[0]}:${indexValue(first[1])}` : `${table.name}.*`]
}

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
