// Query strings by a schema: text as it came, and where the schema wants another kind, what its JSON says.
import type { Context } from 'hono'
import { z } from 'zod'
import { LIST_LIMIT, LIST_LIMIT_MAX } from '../../src/query/rows.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { isDecodable } from '../commands/ids.ts'
import { pointer, problem } from './problem.ts'

/** The values of each name of a query string, in the order they came. */
export type QueryValues = ReadonlyMap<string, readonly string[]>

/** Names the parameter, and the header, by which every read is asked how new its answer has to be. */
export const MIN_POSITION = 'min-position'

/** The query string, as it came. */
export function searchOf(c: Context): string {
  return /\?([^#]*)/.exec(c.req.raw.url)?.[1] ?? ''
}

/** The query string, decoded. A Response refuses it. */
export function queryValuesOf(c: Context): QueryValues | Response {
  const query = searchOf(c)
  if (!isDecodable(query)) return refuseParameter(c, [], 'what follows a % is no UTF-8 in two hexadecimal digits each')
  const found = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    // No row and no parameter holds it, and no database takes it.
    if (value.includes('\0')) return refuseParameter(c, [name], 'U+0000 is refused')
    const values = found.get(name)
    if (values) values.push(value)
    else found.set(name, [value])
  }
  return found
}

/** Parameters as they were `found`, and as the `data` of a schema. */
export type Parameters = { readonly found: object; readonly data: object }

/** Parses a query string by a schema. A name that the schema does not know is refused, as it would change nothing. */
export function parametersOf(c: Context, schema: z.ZodObject, asked: QueryValues): Parameters | Response {
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>
  const names = [...asked.keys()].filter(name => name !== MIN_POSITION)
  const stranger = names.find(name => !Object.hasOwn(shape, name))
  if (stranger !== undefined)
    return refuseParameter(c, [stranger], `is no parameter; there are ${[...Object.keys(shape), MIN_POSITION].join(', ')}`)
  const found = Object.fromEntries(names.map(name => [name, readingOf(shape[name]!, asked.get(name)!)]))
  const parsed = schema.safeParse(found)
  if (parsed.success) return { found, data: parsed.data }
  const errors = parsed.error.issues.map(({ path, message }) => ({ pointer: pointer(path), detail: message }))
  return problem(c, 'validation-failed', { errors })
}

/** The first reading that fits: null before its text, text before JSON, one value before a list of one. */
function readingOf(schema: z.ZodType, texts: readonly string[]): unknown {
  const [text] = texts
  const values = texts.map(jsonOf)
  const readings: readonly unknown[] =
    texts.length > 1 ? [texts, values] : [...(text === 'null' ? [null] : []), text, values[0], texts, values]
  const fitting = readings.find(reading => schema.safeParse(reading).success)
  if (fitting !== undefined) return fitting
  return texts.length > 1 ? values : values[0]
}

/** Numbers, true, false and null as JSON says; any other text stays a text. */
function jsonOf(text: string): unknown {
  return JSON_SCALAR.test(text) ? (JSON.parse(text) as unknown) : text
}
const JSON_SCALAR = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/

/** The parameters of a list: one for each index, its order, and its page. */
export function listParameters({ row, indexes }: ProjectionSpec): z.ZodObject {
  const sorts = indexes.flatMap(({ field }) => [field, `-${field}`])
  return z.object({
    ...Object.fromEntries(indexes.map(({ field, kind }) => [field, filterOf(row, field, kind)])),
    ...(sorts.length > 0 && {
      sort: z.enum(sorts).optional().describe('An index; after `-` the greatest first. Default: by key.'),
    }),
    limit: z.int().min(1).max(LIST_LIMIT_MAX).optional().describe(`How many rows at most. Default: ${LIST_LIMIT}.`),
    cursor: z.string().optional().describe('`next` of the page before, in the same order.'),
    count: z.boolean().optional().describe('Whether to count all rows that match. Default: false.'),
  })
}

/** The values by which an index filters: those of its field. A field that may be missing is null where it is missing. */
function filterOf(row: z.ZodType, field: string, kind: 'text' | 'number'): z.ZodType {
  const own = row instanceof z.ZodObject ? (row.shape as Readonly<Record<string, z.ZodType>>)[field] : undefined
  // Of a row that is one of several objects the field's kind is known, and no more.
  const any = kind === 'text' ? z.string().nullable() : z.union([z.number(), z.boolean(), z.null()])
  const schema = own ?? any
  return (schema.safeParse(undefined).success ? schema.nullable() : schema).optional()
}

/** Refuses a parameter, or a part of one, by its path. */
export function refuseParameter(c: Context, path: readonly PropertyKey[], detail: string): Response {
  return problem(c, 'validation-failed', { errors: [{ pointer: pointer(path), detail }] })
}
