// GET /events: the events from now on, or after a position, as server-sent events that hold CloudEvents.
import type { Handler } from 'hono'
import { AccessRefused } from '../../src/definitions/access/access.ts'
import { token } from '../../src/ports/store/token.ts'
import { requestCallerOf } from '../context.ts'
import { problem } from '../http/problem.ts'
import { cloudEvent } from '../../src/transfer/cloud-event.ts'
import type { Batch, Encoding } from './feed.ts'
import type { EventFilter } from '../../src/ports/store/event-filter.ts'
import { type FollowCheck, filterOf, startOf } from './follow-request.ts'
import type { Live } from './live.ts'
import { encodeFrame, joinFrames, type BatchSource, sse } from './sse.ts'

/**
 * `GET /events`: begins after `Last-Event-ID` or `?after=`, else now. Filters by `?category=`, `?type=`, `?stream=` and
 * `?correlation=`.
 */
export const eventStream: Handler = async c => {
  const live = c.get('emakiLive')
  if (live.isStopping) return problem(c, 'not-ready', { detail: 'stopping' }, { 'Retry-After': '1' })
  const filter = filterOf(c)
  if (filter instanceof Response) return filter
  await live.services.tail.start()
  const after = await startOf(c)
  if (after instanceof Response) return after
  const caller = await requestCallerOf(c)
  return caller instanceof Response
    ? caller
    : sse(c, logSource(live, { filter, after, check: c.get('emakiFollowCheck') ?? null }), caller?.until ?? null)
}

type Followed = { readonly filter: EventFilter; readonly after: number; readonly check: FollowCheck }

/** The source of the events that pass a filter, after a position, for as long as the client may follow them. */
function logSource(live: Live, { filter, after, check }: Followed): BatchSource {
  const log = live.services.store.identity
  // The feed is taken only once somebody listens. A HEAD request, or a client that left early, would never give it
  // back.
  let shared: ReturnType<typeof live.takeFeed<Uint8Array, Uint8Array>> | null = null
  let at = after
  const chunk = ({ content, to }: Batch<Uint8Array>) => {
    at = to
    return { bytes: content, id: token(log, to) }
  }
  const pass = (batch: Batch<Uint8Array>) => {
    if (check === null || batch.content === null) return chunk(batch)
    return check().then(passes => {
      if (!passes) throw new AccessRefused(false)
      return chunk(batch)
    })
  }
  return {
    kind: 'sse',
    id: token(log, after),
    next: () => {
      shared ??= live.takeFeed(filter, encodingOf(live))
      const batch = shared.feed.next(at)
      if (batch === null) return null
      return batch instanceof Promise ? batch.then(pass) : pass(batch)
    },
    close: () => shared?.leave(),
  }
}

/** One encoding for each log: an event keeps its encoded form by the encoding. */
const encodings = new WeakMap<Live, Encoding<Uint8Array, Uint8Array>>()

function encodingOf(live: Live): Encoding<Uint8Array, Uint8Array> {
  const log = live.services.store.identity
  const made = encodings.get(live) ?? {
    encode: event =>
      encodeFrame({ id: token(log, event.position), event: `${event.category}.${event.type}`, data: cloudEvent(event, log) }),
    size: ({ length }) => length,
    join: joinFrames,
  }
  encodings.set(live, made)
  return made
}
