// The checks of every read model before a write or a read, so that all refuse the same. A failed check is an error of
// the caller.
import { background } from '../../lib/turns.ts'
import { checkEntry } from '../agenda/check.ts'
import { type Criterion, CRITERION_VALUES_MAX, valuesOfCriterion } from './filter.ts'
import { PageRefused } from './page-refused.ts'
import type { NewPage, NewRow } from './progress.ts'
import { checkKey, checkText, fitsIndex, INDEXED_BYTES_MAX } from './storable.ts'
import type { ListOptions } from './rows.ts'
import type { Index, Table, Value } from './tables.ts'

const TABLE = /^[a-z][a-z0-9_]{0,50}$/
const FIELD = /^[A-Za-z_][A-Za-z0-9_]{0,50}$/

/** The largest row, in UTF-16 units of its JSON text. */
const ROW_LENGTH_MAX = 67_108_864

/**
 * Throws a TypeError for a name with characters other than small letters, digits and _, for fields with such names, and
 * for a field that occurs twice.
 */
export function checkTable({ name, indexes }: Table): void {
  if (!TABLE.test(name))
    throw new TypeError(`${JSON.stringify(name)} is no name of a table: small letters, digits and _, at most 51`)
  const seen = new Set<string>()
  for (const { field } of indexes) {
    if (!FIELD.test(field))
      throw new TypeError(`${name}: ${JSON.stringify(field)} is no field to index: letters, digits and _, at most 51`)
    if (seen.has(field.toLowerCase())) throw new TypeError(`${name}: ${field} is indexed twice; case does not tell fields apart`)
    seen.add(field.toLowerCase())
  }
}

/** Throws a TypeError if the table exists with other indexes. */
export function checkSame(found: Table, wanted: Table): void {
  if (shape(found) === shape(wanted)) return
  throw new TypeError(
    `${wanted.name} was made with the indexes ${shape(found)}, not ${shape(wanted)}: give the projection a new version`,
  )
}

/**
 * Throws PageRefused for a value that some store cannot keep, so that all stores refuse the same. Throws a TypeError if
 * rows have no table (null).
 */
export function checkPage({ name, rows, park, agenda }: NewPage, table: Table | null): void {
  if (rows.length && !table) throw new TypeError(`${name} has rows to write, but its table was not prepared`)
  for (const row of rows) checkRow(name, row, table!)
  for (const { key, cause } of park) {
    checkKey(name, key)
    checkText(name, cause)
  }
  for (const entry of agenda?.add ?? []) checkEntry(entry)
}

/** The work to check a row, in characters. */
const CHECK_SIZE = 64
const CHECK_ROWS = 256

/** As `checkPage`, for a page of any number of rows, in turns of the event loop. */
export async function checkPageInTurns(page: NewPage, table: Table | null): Promise<void> {
  checkPage({ ...page, rows: page.rows.slice(0, CHECK_ROWS) }, table)
  for (let i = CHECK_ROWS; i < page.rows.length; i += CHECK_ROWS) {
    if (background.isOver(CHECK_ROWS * CHECK_SIZE)) await background.next()
    for (const row of page.rows.slice(i, i + CHECK_ROWS)) checkRow(page.name, row, table!)
  }
}

/**
 * Throws a TypeError for a field without an index, for a value that is not of the index's kind, and for a field that is
 * sorted by twice.
 */
export function checkList(table: Table, { where, sort, after }: Pick<ListOptions, 'where' | 'sort' | 'after'>): void {
  for (const criterion of where) checkCriterion(table.name, indexOf(table, criterion.field), criterion)
  for (const [i, { field }] of sort.entries()) {
    const index = indexOf(table, field)
    if (sort.slice(0, i).some(one => one.field === field)) throw new TypeError(`${table.name}: ${field} is sorted by twice`)
    if (after) checkKind(table.name, index, after.values[i]!)
  }
}

function checkCriterion(name: string, index: Index, criterion: Criterion): void {
  if (criterion.is === 'prefix' && index.kind !== 'text')
    throw new TypeError(`${name}: ${index.field} is a ${index.kind}, which has no prefix`)
  const values = valuesOfCriterion(criterion)
  if (values.length > CRITERION_VALUES_MAX)
    throw new TypeError(`${name}: ${index.field} is asked for ${values.length} values, and ${CRITERION_VALUES_MAX} are allowed`)
  for (const value of values) checkKind(name, index, value)
}

function indexOf({ name, indexes }: Table, field: string): Index {
  const found = indexes.find(index => index.field === field)
  if (!found)
    throw new TypeError(`${name} has no index on ${field}, but on ${indexes.map(index => index.field).join(', ') || 'none'}`)
  return found
}

function checkRow(name: string, { key, position, data, fields }: NewRow, { indexes }: Table): void {
  checkKey(name, key)
  if (!Number.isSafeInteger(position)) throw new PageRefused(`${name}: the row ${key} is at ${position}, which is no position`)
  if (data !== null && data.length > ROW_LENGTH_MAX)
    throw new PageRefused(`${name}: the row ${key} has ${data.length} characters, and a row has at most ${ROW_LENGTH_MAX}`)
  if (fields.length !== indexes.length)
    throw new PageRefused(`${name}: the row ${key} has ${fields.length} fields, and ${indexes.length} are indexed`)
  for (const [i, value] of fields.entries()) {
    const { field, kind } = indexes[i]!
    if (!isOfKind(kind, value)) throw new PageRefused(kindProblem(name, indexes[i]!, value))
    if (typeof value !== 'string') continue
    checkText(name, value)
    if (!fitsIndex(key, value))
      throw new PageRefused(
        `${name}: ${field} of the row ${key} is too long for its index, which takes ${INDEXED_BYTES_MAX} bytes`,
      )
  }
}

function checkKind(name: string, index: Index, value: Value): void {
  if (!isOfKind(index.kind, value)) throw new TypeError(kindProblem(name, index, value))
}

function isOfKind(kind: Index['kind'], value: Value): boolean {
  return value === null || (kind === 'text' ? typeof value === 'string' : Number.isFinite(value))
}

function kindProblem(name: string, { field, kind }: Index, value: Value): string {
  return `${name}: ${field} is a ${kind} or null, not ${JSON.stringify(value)}`
}

function shape({ indexes }: Table): string {
  return indexes.map(({ field, kind }) => `${field} ${kind}`).join(', ') || 'none'
}
