// Reads query strings by a schema. A value is text; if the schema needs another kind, it is read as JSON.
import { parseHidingSecrets } from '../../src/definitions/secret-fields.ts'
import type { Context, Handler } from 'hono'
import type { z } from 'zod'
import { describeNumber, holdsNumber, isInexactText } from '../../src/definitions/event/exact-number.ts'
import { describeNames } from '../../src/definitions/nearest-name.ts'
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

/**
 * Reads a query string by a schema. Refuses a name that the schema does not know, because it would change nothing.
 * `lists`: the parameters whose values are lists with commas, each with the schema of an element.
 */
export function parametersOf(
  c: Context,
  schema: z.ZodObject,
  values: QueryValues,
  lists: ReadonlyMap<string, z.ZodType> = new Map(),
): Parameters | Response {
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>
  const refused = refuseUnknown(c, values, [...Object.keys(shape), MIN_POSITION])
  if (refused) return refused
  const asked = new Map([...values].map(([name, texts]) => [name, lists.has(name) ? texts.flatMap(splitList) : texts]))
  const names = [...asked.keys()].filter(name => Object.hasOwn(shape, name) && name !== MIN_POSITION)
  const repeated = names.find(name => isCoerced(shape[name]!) && asked.get(name)!.length > 1)
  if (repeated !== undefined) return refuseRepeated(c, repeated, asked)
  const read = (name: string, texts: readonly string[]) => {
    const element = lists.get(name)
    return element ? texts.map(text => elementOf(element, text)) : readingOf(shape[name]!, texts)
  }
  const found = Object.fromEntries(names.map(name => [name, read(name, asked.get(name)!)]))
  const parsed = parseHidingSecrets(schema, found)
  // A list is one parameter, whichever of its values is wrong.
  const pathOf = (path: readonly PropertyKey[]) => (lists.has(String(path[0])) ? path.slice(0, 1) : path)
  if (!parsed.success)
    return problem(c, 'validation-failed', listErrors(parsed.error.issues.map(one => ({ ...one, path: pathOf(one.path) }))))
  for (const name of names) {
    const texts = asked.get(name)!.map(text => (lists.has(name) ? withoutBackslashes(text) : text))
    const rounded = texts.find(text => isInexactText(text) && holdsNumber(parsed.data[name], Number(text)))
    if (rounded !== undefined) return refuseParameter(c, [name], describeNumber(rounded))
  }
  return { found, data: parsed.data }
}

/** The values of a list, as they are written. A comma within a value has a backslash before it, and so has a backslash. */
function splitList(text: string): readonly string[] {
  const values = ['']
  for (const [part] of text.matchAll(/\\.|./gsu)) {
    if (part === ',') values.push('')
    else values[values.length - 1] += part
  }
  return values
}

/** A written value without its backslashes: each stands before a character that is meant as it is. */
function withoutBackslashes(written: string): string {
  return written.replaceAll(/\\(.)/gsu, '$1')
}

/** A value of a list. With a backslash it is never null. */
function elementOf(schema: z.ZodType, written: string): unknown {
  return readingOf(schema, [withoutBackslashes(written)], !written.includes('\\'))
}

/** The first value that fits the schema: null before its text, text before JSON, one value before a list of one. */
function readingOf(schema: z.ZodType, texts: readonly string[], mayBeNull = true): unknown {
  const fits = (reading: unknown) => schema.safeParse(reading).success
  const asList = (values: readonly unknown[]): unknown => values
  const asOne = ([value]: readonly unknown[]): unknown => value
  const values = texts.map(jsonOf)
  const readings = (texts.length > 1 ? [asList] : [asOne, asList]).flatMap(shape => {
    const takesNull = mayBeNull && texts.some(isNullText) && fits(shape(texts.map(text => (isNullText(text) ? null : text))))
    return [...(takesNull ? [shape(texts.map(nullableOf))] : []), shape(texts), shape(values)]
  })
  const fitting = readings.find(fits)
  if (fitting !== undefined) return fitting
  return texts.length > 1 ? values : values[0]
}

/** `null`, or its text: behind one backslash, or behind one more than it has. */
function isNullText(text: string): boolean {
  return /^\\*null$/.test(text)
}

/** The value of a text where null fits. */
function nullableOf(text: string): string | null {
  if (text === 'null') return null
  return isNullText(text) ? text.slice(1) : text
}

/** Whether a schema makes a value of anything, also of two. */
function isCoerced(schema: z.ZodType): boolean {
  const { coerce = false, innerType, in: from } = schema.def as { coerce?: boolean; innerType?: z.ZodType; in?: z.ZodType }
  const inner = innerType ?? from
  return inner ? isCoerced(inner) : coerce
}

/** Reads numbers, true, false and null as JSON; any other text stays text. */
function jsonOf(text: string): unknown {
  return JSON_SCALAR.test(text) ? (JSON.parse(text) as unknown) : text
}
const JSON_SCALAR = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/

/**
 * Makes a handler that takes these parameters and no others: one that it does not know would change nothing, and neither
 * would the second value of one that is not among `lists`. The services of the app have to be there, with the names that
 * a middleware of its own reads.
 */
export function withParameters(names: readonly string[], handler: Handler, lists: readonly string[] = []): Handler {
  return (c, next) => (c.req.raw.url.includes('?') ? refuseQuery(c, names, lists) : null) ?? handler(c, next)
}

function refuseQuery(c: Context, names: readonly string[], lists: readonly string[]): Response | null {
  const values = queryValuesOf(c)
  if (values instanceof Response) return values
  const refused = refuseUnknown(c, values, names)
  if (refused) return refused
  const repeated = names.find(name => !lists.includes(name) && (values.get(name)?.length ?? 0) > 1)
  return repeated === undefined ? null : refuseRepeated(c, repeated, values)
}

function refuseRepeated(c: Context, name: string, values: QueryValues): Response {
  return refuseParameter(c, [name], `expected one value, found ${values.get(name)!.length}`)
}

/** The names in a query string, but for those that a middleware of the user reads. */
export function askedNames(c: Context, values: QueryValues): readonly string[] {
  const own = c.get('emakiParameters') ?? []
  return [...values.keys()].filter(name => !own.includes(name))
}

/** Refuses a query string with a parameter that is not among the names; null: it has none. */
export function refuseUnknown(c: Context, values: QueryValues, names: readonly string[]): Response | null {
  const unknown = askedNames(c, values).find(name => !names.includes(name))
  return unknown === undefined ? null : refuseParameter(c, [unknown], `is no parameter; ${describeNames(unknown, names)}`)
}

/** Refuses a parameter, or a part of one, by its path. */
export function refuseParameter(c: Context, path: readonly PropertyKey[], detail: string): Response {
  return problem(c, 'validation-failed', listErrors([{ path, message: detail }]))
}
