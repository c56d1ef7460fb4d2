// Refuses values that JSON would change before they are stored, so that a read gives what was appended.
import { IS_PRODUCTION } from '../environment.ts'

/** The deepest nesting a payload may have. Deeper input is refused before it reaches a recursive parser. */
export const PAYLOAD_DEPTH_MAX = 64
/** The largest payload of one event, in UTF-16 units of its JSON text. */
export const PAYLOAD_LENGTH_MAX = 1_048_576

/** A value that JSON or a store would not give back unchanged, or that is too long. `path` is a JSON pointer. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError'
  readonly path: string
  readonly isTooLong: boolean
  constructor(path: string, reason: string, isTooLong = false) {
    super(`${path || '/'}: ${reason}`)
    this.path = path
    this.isTooLong = isTooLong
  }
}

/**
 * Encodes a payload as JSON text. Every later read gives it back byte for byte.
 * Throws a PayloadError for a value that JSON would change, with its path: NaN, infinities, -0, undefined in an array,
 * a Date or any other class, lone surrogates, a `__proto__` key, a cycle, or nesting deeper than 64. Throws one for a
 * text of more than 1 048 576 characters, too. A property that is undefined is left out, as JSON does.
 */
export function encode(value: unknown): string {
  const found = problem(value, 0)
  if (found) throw new PayloadError(found.path, found.reason)
  const text = JSON.stringify(value)
  if (text.length > PAYLOAD_LENGTH_MAX) throw new PayloadError('', `longer than ${PAYLOAD_LENGTH_MAX} characters`, true)
  return text
}

type Problem = { readonly path: string; readonly reason: string }

function problem(value: unknown, depth: number): Problem | null {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? null : { path: '', reason: 'a lone surrogate is no text' }
    case 'number':
      if (Object.is(value, -0)) return { path: '', reason: '-0 is no JSON' }
      return Number.isFinite(value) ? null : { path: '', reason: `${value} is no JSON` }
    case 'boolean':
      return null
    case 'object':
      return value === null ? null : problemOfObject(value, depth + 1)
    default:
      return { path: '', reason: `${typeof value} is no JSON` }
  }
}

function problemOfObject(value: object, depth: number): Problem | null {
  if (depth > PAYLOAD_DEPTH_MAX) return { path: '', reason: `nested deeper than ${PAYLOAD_DEPTH_MAX}` }
  if (!isPlain(value)) return { path: '', reason: `${value.constructor?.name || 'a class'} is no JSON` }
  if (Array.isArray(value)) return problemOfArray(value, depth)
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || !key.isWellFormed()) return { path: '', reason: `the key ${JSON.stringify(key)} is refused` }
    const member = (value as Record<string, unknown>)[key]
    const found = member === undefined ? null : problem(member, depth)
    if (found) return nestProblem(key, found)
  }
  return null
}

function problemOfArray(value: readonly unknown[], depth: number): Problem | null {
  for (let i = 0; i < value.length; i++) {
    const found = problem(value[i], depth)
    if (found) return nestProblem(String(i), found)
  }
  return null
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || (prototype === Array.prototype && Array.isArray(value))
}

/** Moves a problem one level up. A JSON pointer writes `~` and `/` in a key as `~0` and `~1`. */
function nestProblem(key: string, { path, reason }: Problem): Problem {
  return { path: `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}${path}`, reason }
}

/**
 * Gives a payload as every later read gives it back: without properties that are undefined. Parts that need no change
 * are not copied. So a state that is folded from new events equals one that is folded from the log.
 */
export function stripUndefined<T>(value: T): T {
  return strip(value, 0) as T
}

function strip(value: unknown, depth: number): unknown {
  // `encode` refuses values that are deeper, or of a class.
  if (typeof value !== 'object' || value === null || depth > PAYLOAD_DEPTH_MAX || !isPlain(value)) return value
  if (Array.isArray(value)) return stripArray(value, depth)
  let copy: Record<string, unknown> | null = null
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key]
    const stripped = strip(member, depth + 1)
    if (stripped === member && member !== undefined) continue
    copy ??= { ...value }
    if (stripped === undefined) delete copy[key]
    else copy[key] = stripped
  }
  return copy ?? value
}

function stripArray(value: readonly unknown[], depth: number): readonly unknown[] {
  const stripped = value.map(member => strip(member, depth + 1))
  return stripped.some((member, i) => member !== value[i]) ? stripped : value
}

/**
 * Freezes a value and all it holds, outside of production. There the first test that mutates it fails. In production,
 * freezing took a tenth of a command's time, together with writing frozen objects as JSON.
 * A value that cannot be extended is taken to be frozen all through, so that parts shared with an earlier state cost
 * nothing, however large. To ask an array whether it is frozen looks at each member.
 */
export function freeze<T>(value: T): T {
  return FREEZES ? freezeParts(value) : value
}
const FREEZES = !IS_PRODUCTION

function freezeParts<T>(value: T): T {
  if (typeof value !== 'object' || value === null || !Object.isExtensible(value)) return value
  Object.freeze(value)
  for (const key in value) freezeParts(value[key])
  return value
}

/**
 * Freezes a value and all it holds, also inside objects that are frozen only on their surface, as zod's `readonly` does
 * it.
 */
export function freezeAll<T>(value: T, seen: Set<unknown> = new Set()): T {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value
  seen.add(Object.freeze(value))
  for (const key in value) freezeAll(value[key], seen)
  return value
}

/** JSON text with the keys of every object in one order. Equal values have equal text, and so may values that `isTold` refuses. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(sortKeys(value))
}

/** Whether the text of a value tells it from every other one. That of a Set or of NaN is that of another value. */
export function isTold(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return /^(string|boolean|undefined|object)$/.test(typeof value)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return true
  if (Array.isArray(value)) return value.every(isTold)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isTold)
}

/**
 * Copies a value with its keys in order: a function that JSON calls for each member takes two and a half times as long.
 * A value with a `toJSON` is not copied.
 */
function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || typeof (value as { toJSON?: unknown }).toJSON === 'function') return value
  if (Array.isArray(value)) return value.map(sortKeys)
  // Without a prototype, `__proto__` is a key like any other.
  const copy = Object.create(null) as Record<string, unknown>
  for (const key of Object.keys(value).sort()) copy[key] = sortKeys((value as Record<string, unknown>)[key])
  return copy
}
