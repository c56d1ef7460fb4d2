// Emaki's own JSON line for a stored event. It contains payload and meta exactly as they are stored, byte for byte.
import { streamProblem } from '../definitions/event/stream-name.ts'
import { PAYLOAD_DEPTH_MAX, PAYLOAD_LENGTH_MAX } from '../definitions/event/payload.ts'
import { TIME_EXPECTED } from '../definitions/event/time.ts'
import type { NewRecord } from '../ports/store/import-record.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import { isUuid } from '../definitions/event/uuid.ts'
import { isInstant } from './check.ts'

/** A stored event as a line, without its line feed. */
export function storedLine({ id, stream, version, position, type, schema, at, meta, data }: StoredEvent): string {
  const head = JSON.stringify({ id, stream, version, position, type, schema, at })
  return `${head.slice(0, -1)},"meta":${meta},"data":${data}}`
}

/**
 * Reads the record of a line by `storedLine`: the same id, payload and meta. `at` becomes `meta.occurredAt` if the meta
 * has none. Unless processes are to act on it, the meta gets `history`.
 * Throws a TypeError that names the problem of the line.
 */
export function recordOfLine(text: string, acts = false): NewRecord {
  const parsed = parseObject(text)
  const { id, stream, type, schema, at, meta } = parsed
  if (!isUuid(id)) throw new TypeError('id: expected a UUID')
  const wrong = streamProblem(stream)
  if (wrong) throw new TypeError(`stream: ${wrong}`)
  if (!(typeof type === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,126}$/.test(type)))
    throw new TypeError('type: expected the type of an event')
  if (!(typeof schema === 'string' && /^[\w-]{1,64}$/.test(schema))) throw new TypeError('schema: expected a fingerprint')
  if (!isObject(meta)) throw new TypeError('meta: expected an object')
  if (!isInstant(meta['occurredAt'] ?? at)) throw new TypeError(`at: ${TIME_EXPECTED}`)
  const texts = members(text)
  const data = texts.get('data')
  if (data === undefined) throw new TypeError('data: is missing')
  if (data.length > PAYLOAD_LENGTH_MAX) throw new TypeError(`data: longer than ${PAYLOAD_LENGTH_MAX} characters`)
  // The checks above made sure that these are texts.
  return {
    id: id as string,
    stream: stream as string,
    type,
    schema,
    data,
    meta: withMembers(texts.get('meta')!, meta, { occurredAt: at as string, ...(!acts && { history: true }) }),
  }
}

/** Reads the stored event of a line by `storedLine`. Throws as `recordOfLine` does. */
export function storedOfLine(text: string): StoredEvent {
  const { position, version, at } = parseObject(text)
  if (!(Number.isSafeInteger(position) && Number.isSafeInteger(version))) throw new TypeError('expected a position and a version')
  const record = recordOfLine(text)
  // These were just checked. If the event was imported again, only its meta has another time.
  return {
    ...record,
    meta: members(text).get('meta')!,
    position: position as number,
    version: version as number,
    at: at as string,
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new TypeError(`is no JSON: ${(error as Error).message}`, { cause: error })
  }
  if (!isObject(parsed)) throw new TypeError('expected an object')
  return parsed
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Adds members that a meta lacks to its text. */
function withMembers(text: string, meta: Readonly<Record<string, unknown>>, members: Readonly<Record<string, unknown>>): string {
  const missing = Object.entries(members).filter(([name]) => !(name in meta))
  if (missing.length === 0) return text
  const added = JSON.stringify(Object.fromEntries(missing)).slice(1)
  return `${text.slice(0, -1)}${Object.keys(meta).length ? ',' : ''}${added}`
}

/**
 * Gives the members of a JSON object as text, by name. The text is valid JSON. Parsing it would lose how numbers and
 * texts are written, and the order of keys that look like numbers. Throws a TypeError if it is nested too deep.
 */
export function members(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (let at = text.indexOf('"'); at >= 0; ) {
    const keyEnd = endOfText(text, at)
    const begin = text.indexOf(':', keyEnd) + 1
    const end = endOfValue(text, begin)
    found.set(JSON.parse(text.slice(at, keyEnd)) as string, text.slice(begin, end).trim())
    at = text[end] === ',' ? text.indexOf('"', end) : -1
  }
  return found
}

/** The offset after the closing quote of the text that begins here. */
function endOfText(text: string, begin: number): number {
  for (let end = text.indexOf('"', begin + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text[end - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return end + 1
  }
}

/** The offset of the `,` or `}` after the value that begins here. */
function endOfValue(text: string, begin: number): number {
  let depth = 0
  for (let at = begin; ; ) {
    const character = text[at]
    if (character === '"') {
      at = endOfText(text, at)
      continue
    }
    if (depth === 0 && (character === ',' || character === '}')) return at
    if (character === '{' || character === '[') depth++
    if (character === '}' || character === ']') depth--
    if (depth > PAYLOAD_DEPTH_MAX) throw new TypeError(`nested deeper than ${PAYLOAD_DEPTH_MAX}`)
    at++
  }
}
