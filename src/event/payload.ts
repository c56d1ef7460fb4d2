// What JSON would change is refused before it is stored, so that what was appended is what is read.

/** The deepest nesting a payload may have. Deeper input is refused before it reaches a recursive parser. */
export const PAYLOAD_DEPTH_MAX = 64
/** The largest payload of one event, in UTF-16 units of its JSON text. */
export const PAYLOAD_LENGTH_MAX = 1_048_576

/** A value that JSON, or a store, would not give back as it was. `path` is a JSON pointer. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError'
  readonly path: string
  constructor(path: string, reason: string) {
    super(`${path || '/'}: ${reason}`)
    this.path = path
  }
}

/**
 * The JSON text of a payload, byte for byte what every later read gives back.
 * Throws a PayloadError naming the path of a value that JSON would change: NaN, infinities, -0, undefined in an array,
 * a Date or any other class, lone surrogates, a `__proto__` key, a cycle or nesting deeper than 64.
 * A property that is undefined is left out, as JSON does.
 */
export function encode(value: unknown): string {
  check(value, '', 0)
  const text = JSON.stringify(value)
  if (text.length > PAYLOAD_LENGTH_MAX) throw new PayloadError('', `longer than ${PAYLOAD_LENGTH_MAX} characters`)
  return text
}

function check(value: unknown, path: string, depth: number): void {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new PayloadError(path, 'a lone surrogate is no text')
      return
    case 'number':
      if (!Number.isFinite(value) || Object.is(value, -0))
        throw new PayloadError(path, `${Object.is(value, -0) ? '-0' : value} is no JSON`)
      return
    case 'boolean':
      return
    case 'object':
      if (value !== null) checkObject(value, path, depth + 1)
      return
    default:
      throw new PayloadError(path, `${typeof value} is no JSON`)
  }
}

function checkObject(value: object, path: string, depth: number): void {
  if (depth > PAYLOAD_DEPTH_MAX) throw new PayloadError(path, `nested deeper than ${PAYLOAD_DEPTH_MAX}`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}/${i}`, depth)
    return
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw new PayloadError(path, `${prototype.constructor?.name ?? 'a class'} is no JSON`)
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || !key.isWellFormed()) throw new PayloadError(path, `the key ${JSON.stringify(key)} is refused`)
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) check(member, `${path}/${key}`, depth)
  }
}

/** Freezes a value and all it holds; stops at what is frozen already, so that shared parts cost nothing. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const key in value) freeze(value[key])
  return value
}

/** JSON text with the keys of every object in order, so that equal values have equal text (RFC 8785's order). */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
