// A body as JSON, refused with a problem wherever it is not.
import type { Context } from 'hono'
import { PAYLOAD_DEPTH_MAX } from '../src/event/payload.ts'
import { problem } from './problem.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const JSON_TYPE = /^application\/([\w.-]+\+)?json *(;|$)/i

/** The body of a request; `{}` where there is neither a body nor a content type. A Response says why it is refused. */
export async function bodyOf(c: Context): Promise<unknown> {
  const type = c.req.header('content-type')
  const bytes = await c.req.arrayBuffer()
  if (bytes.byteLength === 0 && type === undefined) return {}
  if (type === undefined || !JSON_TYPE.test(type))
    return problem(c, 'unsupported-media-type', { detail: type ? `found ${type}` : 'there is a body and no Content-Type' })
  try {
    const body: unknown = JSON.parse(utf8.decode(bytes))
    const wrong = inspect(body, '', 0)
    return wrong ? problem(c, 'validation-failed', { errors: [wrong] }) : body
  } catch (error) {
    return problem(c, 'malformed-json', {
      detail: error instanceof SyntaxError ? error.message : 'the body is not valid UTF-8, or nested too deep',
    })
  }
}

type Wrong = { readonly pointer: string; readonly detail: string }

/** What JSON can say and no payload can hold; -0 becomes 0, which is the same number. */
function inspect(value: unknown, path: string, depth: number): Wrong | null {
  if (typeof value === 'string')
    return value.isWellFormed() ? null : { pointer: `#${path}`, detail: 'a lone surrogate is no text' }
  if (typeof value === 'number')
    return Number.isFinite(value) ? null : { pointer: `#${path}`, detail: 'a number beyond what a double holds' }
  if (typeof value !== 'object' || value === null) return null
  if (depth >= PAYLOAD_DEPTH_MAX) return { pointer: `#${path}`, detail: `nested deeper than ${PAYLOAD_DEPTH_MAX}` }
  // Own keys only: a body's `__proto__` is one, and is refused before zod, which would drop it.
  const members = value as Record<string, unknown>
  for (const key of Object.keys(members)) {
    if (key === '__proto__' || !key.isWellFormed())
      return { pointer: `#${path}`, detail: `the key ${JSON.stringify(key)} is refused` }
    const member = members[key]
    if (member === 0) members[key] = 0
    const wrong =
      typeof member === 'object' || typeof member === 'string' || typeof member === 'number'
        ? inspect(member, `${path}/${key}`, depth + 1)
        : null
    if (wrong) return wrong
  }
  return null
}
