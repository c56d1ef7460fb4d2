// The fields of a row and their kinds, as its schema gives them.
import type { z } from 'zod'

/** A field of a row. `json`: it holds more than one kind of values, or lists, or objects. */
export type RowField = { readonly name: string; readonly kind: 'text' | 'number' | 'boolean' | 'json' }

/** The fields that a schema gives to a row, in its order. A row of another kind than an object has none. */
export function fieldsOf(row: z.ZodType): readonly RowField[] {
  return Object.entries(propertiesOf(row)).map(([name, shape]) => ({ name, kind: columnKindOf(shape) }))
}

function columnKindOf(shape: Shape): RowField['kind'] {
  const [kind, ...others] = new Set(kindsOf(shape).filter(kind => kind !== 'null'))
  if (others.length > 0) return 'json'
  if (kind === 'string') return 'text'
  return kind === 'number' || kind === 'boolean' ? kind : 'json'
}

export type Shape = {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
}

export function propertiesOf(row: z.ZodType): Readonly<Record<string, Shape>> {
  const { properties = {} } = row.toJSONSchema({ unrepresentable: 'any' }) as { properties?: Record<string, Shape> }
  return properties
}

export function kindsOf(shape: Shape): readonly string[] {
  if (shape.anyOf) return shape.anyOf.flatMap(kindsOf)
  const types = typeof shape.type === 'string' ? [shape.type] : shape.type
  const values = shape.enum ?? ('const' in shape ? [shape.const] : [])
  const found = types ?? values.map(value => (value === null ? 'null' : typeof value))
  return found.length ? found.map(type => (type === 'integer' ? 'number' : type)) : ['anything']
}
