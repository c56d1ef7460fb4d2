// Where two values differ, as lines that a person reads.
import { inspect } from 'node:util'

/** The most differences that are shown. */
const LINES_MAX = 10
const TEXT_MAX = 300

/**
 * The paths at which a value is not as expected, with both values: at most 10. None: it is as expected. `isPart`:
 * objects may have fields that were not expected; lists may not.
 */
export function differences(
  expected: unknown,
  found: unknown,
  { isPart = false }: { readonly isPart?: boolean } = {},
): readonly string[] {
  const all = [...differencesAt('', expected, found, isPart)]
  const more = all.length > LINES_MAX ? [`and ${all.length - LINES_MAX} more`] : []
  return [...all.slice(0, LINES_MAX), ...more]
}

/** A value as one line. */
export function showValue(value: unknown): string {
  const text = (JSON.stringify(value) as string | undefined) ?? inspect(value)
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text
}

function* differencesAt(path: string, expected: unknown, found: unknown, isPart: boolean): Generator<string> {
  if (Object.is(expected, found)) return
  if (!isFields(expected) || !isFields(found) || Array.isArray(expected) !== Array.isArray(found)) {
    yield `${path || 'it'}: expected ${showValue(expected)}, found ${showValue(found)}`
    return
  }
  const names = isPart && !Array.isArray(expected) ? Object.keys(expected) : [...new Set([expected, found].flatMap(Object.keys))]
  for (const name of names)
    yield* differencesAt(path ? `${path}.${name}` : name, fieldOf(expected, name), fieldOf(found, name), isPart)
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function fieldOf(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}
