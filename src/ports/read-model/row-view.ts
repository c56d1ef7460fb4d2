// A view of a projection's rows for SQL of one's own: what every store's statement for it has in common.
import { type RowField, fieldsOf } from '../../definitions/projection/row-fields.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'

export type RowView = {
  readonly projection: string
  /** The name of the view: `view_` and the name of the projection, with `_` for `-`. It stays when the version changes. */
  readonly name: string
  /** The columns before the fields: the key of a row, the position of its last event, and the whole row as JSON. */
  readonly own: { readonly key: string; readonly position: string; readonly data: string }
  /** The fields that become columns, of the names that a database can give. */
  readonly fields: readonly RowField[]
  /** The names of fields that no column can have. They are in `data`. */
  readonly left: readonly string[]
}

/** The longest name of a column in PostgreSQL, in bytes. It cuts a longer one. */
const NAME_BYTES_MAX = 63

/** The view of a projection. A column of a field has its name, and another one of this name has `_` behind it. */
export function rowViewOf({ name: projection, row }: ProjectionSpec): RowView {
  const [fields, left] = split(fieldsOf(row))
  const taken = new Set(fields.map(({ name }) => name.toLowerCase()))
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name)
  const own = { key: 'key', position: free('position'), data: free('data') }
  return { projection, name: `view_${nameIn(projection)}`, own, fields, left: left.map(({ name }) => name) }
}

/** A name in SQL as tables have it: with `_` for `-`. */
export function nameIn(projection: string): string {
  return projection.replaceAll('-', '_')
}

/** Fields of names that a column can have, and the others. SQLite sees no difference between capitals and small letters. */
function split(fields: readonly RowField[]): readonly [readonly RowField[], readonly RowField[]] {
  const seen = new Set(['key'])
  const { fit = [], other = [] } = Object.groupBy(fields, ({ name }) => {
    const isNew = !seen.has(name.toLowerCase())
    seen.add(name.toLowerCase())
    const isName = name !== '' && !name.includes('\0') && name.isWellFormed() && Buffer.byteLength(name) <= NAME_BYTES_MAX
    return isNew && isName ? 'fit' : 'other'
  })
  return [fit, other]
}

/** A name, quoted for SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text, quoted for SQL with standard strings, where a backslash is a character as any other. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** The comments that begin a statement: what the view has, and what it cannot have. */
export function describeView({ projection, left }: RowView): string {
  const lines = [
    `-- All rows of ${projection}, whoever may read them over HTTP.`,
    ...left.map(name => `-- No column can be named ${JSON.stringify(name)}; its values are in data.`),
  ]
  return lines.join('\n')
}
