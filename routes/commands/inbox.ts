// Receives webhooks: verifies a message as bytes, hands it to an inbox, and tells the sender whether to repeat it.
import type { Context, Handler } from 'hono'
import { KEY_REUSED } from '../../src/dispatch/outcome.ts'
import { countMessage, type Inbox, type Taken } from '../../src/dispatch/inbox.ts'
import { bodyOf } from './body.ts'
import { servicesOf } from '../context.ts'
import { customMetaOf } from '../custom-meta.ts'
import { traceOf } from '../http/headers.ts'
import { problemOfOutcome, replayedHeader } from './outcomes.ts'
import { problem } from '../http/problem.ts'

/**
 * Makes a handler that receives messages for an inbox. Mount it on any path.
 *
 * - 200: the message is done. Its command was accepted or rejected, or it leads to no command. The body begins
 *   `{"outcome":"accepted"`, for example. A repeated id gets the same answer with `Idempotency-Replayed: true`.
 * - 400: the message does not fit its schema. 401: it is not verified. 422: another message had its id.
 * - 503 with `Retry-After`: send it again. Its command came too early, or cannot be taken now.
 *
 * Throws a TypeError for an inbox without `verify`: anybody could send messages to it.
 *
 * @example
 * app({ serve: [order] }).post('/webhooks/payments', receive(payments))
 */
export function receive(inbox: Inbox): Handler {
  const { name, verify } = inbox
  if (!verify) throw new TypeError(`receive(${name}): anybody could send messages to this inbox; give it a verify`)
  return async c => {
    const emaki = servicesOf(c)
    const header = (name: string) => c.req.header(name)
    const doubt = verify(header, new TextDecoder().decode(await c.req.bytes()))
    if (doubt !== null) {
      countMessage(emaki, name, 'unverified')
      return problem(c, 'unauthenticated', { detail: doubt })
    }
    const body = await bodyOf(c)
    if (body instanceof Response) return body
    const custom = await customMetaOf(c)
    if (custom instanceof Response) return custom
    const taken = await inbox.take(emaki, body.data, {
      ...traceOf(c),
      ...custom,
      header,
      size: body.size,
      signal: c.req.raw.signal,
    })
    return respond(c, taken)
  }
}

function respond(c: Context, taken: Taken): Response {
  const headers = { 'Cache-Control': 'no-store' }
  switch (taken.outcome) {
    case 'ignored':
      return c.json({ outcome: 'ignored' }, 200, headers)
    case 'accepted': {
      const { outcome, stream, version, position, replayed } = taken
      return c.json({ outcome, stream, version, position }, 200, { ...headers, ...replayedHeader(replayed) })
    }
    case 'rejected': {
      const { outcome, code, data, replayed } = taken
      if (code === KEY_REUSED) return problem(c, KEY_REUSED)
      return c.json({ outcome, code, ...(data !== undefined && { data: data as object }) }, 200, {
        ...headers,
        ...replayedHeader(replayed),
      })
    }
    default:
      return problemOfOutcome(c, taken)
  }
}
