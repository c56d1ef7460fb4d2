import type { Context } from 'hono'
import { nameProblem } from '../../src/definitions/event/names.ts'
import { problem } from '../http/problem.ts'

/** The id in a path; null if the path has none. A Response refuses the id. */
export function idOf(c: Context): string | null | Response {
  const id = c.req.param('id')
  if (id === undefined) return null
  const wrong = isEncoded(c.req.raw.url)
    ? nameProblem('an id', id)
    : 'what follows a % is no UTF-8 in two hexadecimal digits each'
  return wrong === null ? id : problem(c, 'validation-failed', { errors: [{ pointer: '#/id', detail: wrong }] })
}

/**
 * Whether all of a path can be decoded. Hono keeps a part that it cannot decode, so `%FF` and `%25FF` would be one id.
 */
export function isEncoded(url: string): boolean {
  return isDecodable(url.split('?', 1)[0]!)
}

/** Whether each % is followed by two hexadecimal digits, and these bytes are UTF-8. */
export function isDecodable(text: string): boolean {
  if (!text.includes('%')) return true
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
