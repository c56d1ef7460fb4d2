// How new an answer has to be: Min-Position, or ?min-position= where shared caches are in between, and how long the client waits.
import type { Context } from 'hono'
import { Behind, type Fresh, WHATEVER } from '../src/answer/answers.ts'
import type { Runtime } from '../src/runtime.ts'
import { positionOf } from './events/events.ts'
import { problem } from './problem.ts'

/** How long an answer is waited for where the client does not say, in ms. */
export const WAIT_MS = 1_000
/** How long a client may wait at most, in ms. */
export const WAIT_MAX_MS = 30_000

/** What the request asks for; a Response says why it is refused. */
export async function freshOf(c: Context, emaki: Runtime): Promise<Fresh | Response> {
  const text = c.req.header('min-position') ?? c.req.query('min-position')
  if (text === undefined) return WHATEVER
  const position = await positionOf(emaki.store, emaki.tail.head, text)
  if (typeof position === 'number') return { atLeast: position, waitMs: waitOf(c.req.header('prefer')) }
  if (position === 'unknown') return problem(c, 'unknown-position', { detail: `${text} is not of this log` })
  return problem(c, 'validation-failed', { errors: [{ pointer: '#/min-position', detail: 'expected a position' }] })
}

/** `Prefer: wait=5` (RFC 7240), in seconds. */
function waitOf(prefer: string | undefined): number {
  const found = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,4})"?\s*(?:$|[,;])/i.exec(prefer ?? '')
  return found ? Math.min(Number(found[1]) * 1_000, WAIT_MAX_MS) : WAIT_MS
}

/** What a client is told of rows that are not as new as it asks for. Anything else is thrown on. */
export function unfresh(c: Context, error: unknown): Response {
  if (!(error instanceof Behind)) throw error
  const { projection, reason, position, lagEvents } = error
  if (reason === 'parked')
    return problem(
      c,
      'parked',
      { projection, position, detail: 'an event of this row could not be folded' },
      { 'Retry-After': '10' },
    )
  const detail = reason === 'behind' ? 'it has not come as far as asked for' : 'its rows are still being made'
  return problem(c, 'behind', { projection, position, lagEvents, detail, retryable: true }, { 'Retry-After': '1' })
}
