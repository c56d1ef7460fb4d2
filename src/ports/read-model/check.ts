// The checks of every read model before a write or a read, so that all refuse the same. A failed check is an error of
// the caller.
import type { NewPage } from './progress.ts'
import type { ListOptions } from './rows.ts'
import type { Index, Table, Value } from './tables.ts'

const TABLE = /^[a-z][a-z0-9_]{0,50}$/
const FIELD = /^[A-Za-z_][A-Za-z0-9_]{0,50}$/

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
 * Throws a TypeError for rows that are out of order, or that a database cannot store. `table`: null if none was
 * prepared.
 */
export function checkPage({ name, rows, park }: NewPage, table: Table | null): void {
  if (rows.length && !table) throw new TypeError(`${name} has rows to write, but its table was not prepared`)
  for (const { key, fields } of rows) {
    checkText(name, key)
    if (fields.length !== table!.indexes.length)
      throw new TypeError(`${name}: the row ${key} has ${fields.length} fields, and ${table!.indexes.length} are indexed`)
    for (const [i, value] of fields.entries()) {
      checkKind(name, table!.indexes[i]!, value)
      if (typeof value === 'string') checkText(name, value)
    }
  }
  for (const { key, cause } of park) {
    checkText(name, key)
    checkText(name, cause)
  }
}

/** Throws a TypeError for a field without an index, and for a value that is not of the index's kind. */
export function checkList(table: Table, { where, sort, after }: Pick<ListOptions, 'where' | 'sort' | 'after'>): void {
  for (const [field, value] of Object.entries(where)) checkKind(table.name, indexOf(table, field), value)
  if (sort) indexOf(table, sort.field)
  if (sort && after) checkKind(table.name, indexOf(table, sort.field), after.value)
}

/** Whether every database can store a text as a key or a value. It must not contain U+0000 or half a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

function indexOf({ name, indexes }: Table, field: string): Index {
  const found = indexes.find(index => index.field === field)
  if (!found)
    throw new TypeError(`${name} has no index on ${field}, but on ${indexes.map(index => index.field).join(', ') || 'none'}`)
  return found
}

function checkKind(name: string, { field, kind }: Index, value: Value): void {
  if (value === null || (kind === 'text' ? typeof value === 'string' : Number.isFinite(value))) return
  throw new TypeError(`${name}: ${field} is a ${kind} or null, not ${JSON.stringify(value)}`)
}

function checkText(name: string, text: string): void {
  if (!isStorable(text)) throw new TypeError(`${name}: ${JSON.stringify(text)} holds U+0000 or half a surrogate pair`)
}

function shape({ indexes }: Table): string {
  return indexes.map(({ field, kind }) => `${field} ${kind}`).join(', ') || 'none'
}
