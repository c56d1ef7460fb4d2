// Reads query strings by a schema. A value is text; if the schema needs another kind, it is read as JSON.
import type { Context } from 'hono'
import { z } from 'zod'
import { describeNumber, holdsNumber, isInexactText } from '../../src/definitions/event/exact-number.ts'
import { LIST_LIMIT, LIST_LIMIT_MAX } from '../../src/query/rows.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { isDecodable } from '../commands/ids.ts'
import { listErrors, problem } from './problem.ts'

/** The values of each name of a query string, in their order. */
export type QueryValues = ReadonlyMap<string, readonly string[]>

/** The parameter, and the header, that tell how new an answer has to be. */
export const MIN_POSITION = 'min-position'

/** The query string, not decoded. */
export function searchOf(c: Context): string {
  return /\?([^#]*)/.exec(c.req.raw.url)?.[1] ?? ''
}

/** The query string, decoded. A Response refuses it. */
export function queryValuesOf(c: Context): QueryValues | Response {
  const query = searchOf(c)
  if (!isDecodable(query)) return refuseParameter(c, [], 'what follows a % is no UTF-8 in two hexadecimal digits each')
  const found = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    // No row and no parameter contains U+0000, and no database accepts it.
    if (value.includes('\0')) return refuseParameter(c, [name], 'U+0000 is refused')
    const values = found.get(name)
    if (values) values.push(value)
    else found.set(name, [value])
  }
  return found
}

/** Parameters as they were sent (`found`), and as the schema gives them (`data`). */
export type Parameters = { readonly found: object; readonly data: object }

/** Reads a query string by a schema. Refuses a name that the schema does not know, because it would change nothing. */
export function parametersOf(c: Context, schema: z.ZodObject, asked: QueryValues): Parameters | Response {
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>
  const names = [...asked.keys()].filter(name => name !== MIN_POSITION)
  const stranger = names.find(name => !Object.hasOwn(shape, name))
  if (stranger !== undefined)
    return refuseParameter(c, [stranger], `is no parameter; there are ${[...Object.keys(shape), MIN_POSITION].join(', ')}`)
  const found = Object.fromEntries(names.map(name => [name, readingOf(shape[name]!, asked.get(name)!)]))
  const parsed = schema.safeParse(found)
  if (!parsed.success) return problem(c, 'validation-failed', listErrors(parsed.error.issues))
  for (const name of names) {
    const rounded = asked.get(name)!.find(text => isInexactText(text) && holdsNumber(parsed.data[name], Number(text)))
    if (rounded !== undefined) return refuseParameter(c, [name], describeNumber(rounded))
  }
  return { found, data: parsed.data }
}

/** The first value that fits the schema: null before its text, text before JSON, one value before a list of one. */
function readingOf(schema: z.ZodType, texts: readonly string[]): unknown {
  const [text] = texts
  const values = texts.map(jsonOf)
  const readings: readonly unknown[] =
    texts.length > 1 ? [texts, values] : [...(text === 'null' ? [null] : []), text, values[0], texts, values]
  const fitting = readings.find(reading => schema.safeParse(reading).success)
  if (fitting !== undefined) return fitting
  return texts.length > 1 ? values : values[0]
}

/** Reads numbers, true, false and null as JSON; any other text stays text. */
function jsonOf(text: string): unknown {
  return JSON_SCALAR.test(text) ? (JSON.parse(text) as unknown) : text
}
const JSON_SCALAR = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/

/** The parameters of a list: one for each index, the order, and the page. */
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

/**
 * The schema of the values that an index can be filtered by. A field that may be missing is null in rows without it.
 */
function filterOf(row: z.ZodType, field: string, kind: 'text' | 'number'): z.ZodType {
  const own = row instanceof z.ZodObject ? (row.shape as Readonly<Record<string, z.ZodType>>)[field] : undefined
  // The row is one of several objects: only the kind of the field is known.
  const any = kind === 'text' ? z.string().nullable() : z.union([z.number(), z.boolean(), z.null()])
  const schema = own ?? any
  return (schema.safeParse(undefined).success ? schema.nullable() : schema).optional()
}

/** Refuses a parameter, or a part of one, by its path. */
export function refuseParameter(c: Context, path: readonly PropertyKey[], detail: string): Response {
  return problem(c, 'validation-failed', listErrors([{ path, message: detail }]))
}
