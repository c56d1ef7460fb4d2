// Reads a body as JSON, and refuses any other body with a problem.
import type { Context } from 'hono'
import { describeInexact, markInexact } from '../../src/definitions/event/exact-number.ts'
import { PAYLOAD_DEPTH_MAX } from '../../src/definitions/event/payload.ts'
import { notUtf8At, describeMalformed } from '../http/malformed.ts'
import { cutNesting } from '../http/nesting.ts'
import { findRepeatedKey } from '../http/repeated-keys.ts'
import { listErrors, problem } from '../http/problem.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const JSON_TYPE = /^application\/([\w.-]+\+)?json *(;|$)/i

/** The content of a body, and its size in bytes. */
export type Body = { readonly data: unknown; readonly size: number }

/**
 * Reads the body of a request. Gives `{}` if there is neither a body nor a content type. A Response refuses the body.
 */
export async function bodyOf(c: Context): Promise<Body | Response> {
  const type = c.req.header('content-type')
  const bytes = await c.req.bytes()
  const size = bytes.length
  if (size === 0 && type === undefined) return { data: {}, size }
  if (type === undefined || !JSON_TYPE.test(type))
    return problem(c, 'unsupported-media-type', { detail: type ? `found ${type}` : 'the body has no Content-Type' })
  const parsed = parse(bytes)
  if ('detail' in parsed) return problem(c, 'malformed-json', parsed)
  const wrong = inspect(parsed.data, 0) ?? inspectKeys(parsed)
  if (wrong) return problem(c, 'validation-failed', listErrors([{ path: wrong.path, message: wrong.detail }]))
  return { data: parsed.data === 0 ? 0 : parsed.data, size }
}

/** The value of a body, and its text as far as it was read. */
type Parsed = { readonly data: unknown; readonly text: string }

function parse(bytes: Uint8Array): Parsed | { readonly detail: string } {
  let text: string
  try {
    text = cutNesting(utf8.decode(bytes))
  } catch {
    return { detail: `not UTF-8 at byte ${notUtf8At(bytes)}` }
  }
  try {
    const data: unknown = JSON.parse(text)
    const marked = markInexact(text)
    return { data: marked === text ? data : JSON.parse(marked), text }
  } catch {
    return { detail: describeMalformed(text) }
  }
}

type Wrong = { readonly path: readonly PropertyKey[]; readonly detail: string }
const wrong = (detail: string): Wrong => ({ path: [], detail })

/** A key that comes twice: nobody knows which of its values the client meant. */
function inspectKeys({ text, data }: Parsed): Wrong | null {
  const path = findRepeatedKey(text, data)
  return path && { path, detail: 'this key comes twice in its object' }
}

/** Finds a value that JSON can express and a payload cannot hold. Turns -0 into 0, which is the same number. */
function inspect(value: unknown, depth: number): Wrong | null {
  if (typeof value === 'string')
    return value.isWellFormed() ? null : wrong(describeInexact(value) ?? 'a lone surrogate is not text')
  if (typeof value !== 'object' || value === null) return null
  if (depth >= PAYLOAD_DEPTH_MAX) return wrong(`nested deeper than ${PAYLOAD_DEPTH_MAX}`)
  // Only own keys count. `__proto__` is an own key of a parsed body. It is refused here, because zod would drop it.
  const members = value as Record<PropertyKey, unknown>
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    if (typeof key === 'string' && (key === '__proto__' || !key.isWellFormed()))
      return wrong(`the key ${JSON.stringify(key)} is refused`)
    const member = members[key]
    if (member === 0) members[key] = 0
    const found = typeof member === 'object' || typeof member === 'string' ? inspect(member, depth + 1) : null
    if (found) return { ...found, path: [key, ...found.path] }
  }
  return null
}
