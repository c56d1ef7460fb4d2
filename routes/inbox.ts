// Webhooks in: verified as bytes, handed to an inbox, answered so that their sender knows whether to repeat them.
import type { Context, Handler } from 'hono'
import { KEY_REUSED } from '../src/dispatch/outcome.ts'
import type { Inbox, Taken } from '../src/inbox/inbox.ts'
import { bodyOf } from './body.ts'
import { running } from './context.ts'
import { originOf } from './headers.ts'
import { errorsOf, problem } from './problem.ts'

/**
 * A handler that takes messages for an inbox, to be mounted wherever you like.
 *
 * - 200: it is done with, accepted or rejected by the decision, or it leads to nothing: `{"outcome":"accepted", …}`. Said again by the same
 *   id, the same with `Idempotency-Replayed: true`.
 * - 401: it is not verified. 400: it does not fit. 422: its id was another message's.
 * - 503 with `Retry-After`: say it again.
 *
 * Throws a TypeError for an inbox without `verify`, as anybody could send to it.
 *
 * @example
 * app({ serve: [order] }).post('/webhooks/payments', receive(payments))
 */
export function receive(inbox: Inbox): Handler {
  const { name, verify } = inbox
  if (!verify) throw new TypeError(`receive(${name}): anybody could send to it; give the inbox a verify`)
  return async c => {
    const emaki = running(c)
    const header = (name: string) => c.req.header(name)
    const doubt = verify(header, new TextDecoder().decode(await c.req.bytes()))
    if (doubt !== null) return problem(c, 'unauthenticated', { detail: doubt })
    const body = await bodyOf(c)
    if (body instanceof Response) return body
    const { correlation: _, causation: __, ...origin } = originOf(c)
    const taken = await inbox.take(emaki, body.data, { ...origin, header, size: body.size, signal: c.req.raw.signal })
    return answer(c, taken)
  }
}

function answer(c: Context, taken: Taken): Response {
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
    case 'invalid':
      return problem(c, 'validation-failed', errorsOf(taken))
    case 'unavailable':
      return problem(c, taken.full ? 'storage-full' : 'unavailable', {}, retryAfter(taken.retryAfterMs))
    case 'unknown':
      return problem(c, 'outcome-unknown', {}, retryAfter(taken.retryAfterMs))
  }
}

function replayedHeader(replayed: true | undefined): Record<string, string> {
  return replayed ? { 'Idempotency-Replayed': 'true' } : {}
}

function retryAfter(ms: number): Record<string, string> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1_000))) }
}
