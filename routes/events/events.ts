// GET /events: the events from now on, or after a position, as server-sent events that hold CloudEvents.
import type { Context, Handler } from 'hono'
import type { Store } from '../../src/ports/store/store.ts'
import { parseToken, token } from '../../src/ports/store/token.ts'
import { requestCallerOf } from '../context.ts'
import { isOfLog } from '../http/min-position.ts'
import { problem } from '../http/problem.ts'
import { cloudEvent } from '../../src/transfer/cloud-event.ts'
import type { Encoding } from './feed.ts'
import { type EventFilter, FILTER_VALUES_MAX } from './filter.ts'
import type { Live } from './live.ts'
import { encodeFrame, joinFrames, type BatchSource, sse } from './sse.ts'

/**
 * `GET /events`: begins after `Last-Event-ID` or `?after=`, else now. Filters by `?category=`, `?type=` and `?stream=`.
 */
export const eventStream: Handler = async c => {
  const live = c.get('emakiLive')
  if (live.isStopping) return problem(c, 'not-ready', { detail: 'stopping' }, { 'Retry-After': '1' })
  const filter = filterOf(c)
  if (filter instanceof Response) return filter
  await live.services.tail.start()
  const after = await afterOf(c)
  if (after instanceof Response) return after
  const caller = await requestCallerOf(c)
  return caller instanceof Response ? caller : sse(c, logSource(live, filter, after), caller?.until ?? null)
}

/** The source of the events that pass a filter, after a position. */
function logSource(live: Live, filter: EventFilter, after: number): BatchSource {
  const log = live.services.store.identity
  // The feed is taken only once somebody listens. A HEAD request, or a client that left early, would never give it
  // back.
  let shared: ReturnType<typeof live.takeFeed<Uint8Array, Uint8Array>> | null = null
  let at = after
  const chunk = ({ content, to }: { readonly content: Uint8Array | null; readonly to: number }) => {
    at = to
    return { bytes: content, id: token(log, to) }
  }
  return {
    id: token(log, after),
    next: () => {
      shared ??= live.takeFeed(filter, encodingOf(live))
      const batch = shared.feed.next(at)
      if (batch === null) return null
      return batch instanceof Promise ? batch.then(chunk) : chunk(batch)
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

/** Reads the filter from a query. Commas separate values, except for streams: an id may contain a comma. */
export function filterOf(c: Context): EventFilter | Response {
  const list = (name: string) => (c.req.queries(name) ?? []).flatMap(value => value.split(',')).filter(value => value !== '')
  const filter = { categories: list('category'), types: list('type'), streams: c.req.queries('stream') ?? [] }
  const large = Object.entries({ category: filter.categories, type: filter.types, stream: filter.streams }).filter(
    ([, values]) => values.length > FILTER_VALUES_MAX,
  )
  if (!large.length) return filter
  const errors = large.map(([name]) => ({ pointer: `#/${name}`, detail: `expected ${FILTER_VALUES_MAX} values at most` }))
  return problem(c, 'validation-failed', { errors })
}

/** The position at which a client begins. `Last-Event-ID` counts more than `?after=`. */
async function afterOf(c: Context): Promise<number | Response> {
  const { store, tail } = c.get('emakiLive').services
  // A client that has no id yet may send an empty one.
  const header = c.req.header('last-event-id') || undefined
  const text = header ?? c.req.query('after')
  if (text === undefined || text === '') return tail.head
  const position = await positionOf(store, tail.head, text)
  if (typeof position === 'number') return position
  if (position === 'unknown') return problem(c, 'unknown-position', { detail: `${text} is not of this log` })
  return header === undefined
    ? problem(c, 'validation-failed', {
        errors: [{ pointer: '#/after', detail: 'expected a position, such as the id of an event' }],
      })
    : problem(c, 'bad-header', { detail: 'Last-Event-ID takes a position, such as the id of an event' })
}

/**
 * Reads the position of a token. `unknown`: it is of another epoch or above the head. Such a position is never reached,
 * so nobody waits for it.
 */
export async function positionOf(store: Store, head: number, text: string): Promise<number | 'malformed' | 'unknown'> {
  const found = parseToken(text)
  if (!found) return 'malformed'
  return (await isOfLog(store, head, found)) ? found.position : 'unknown'
}
