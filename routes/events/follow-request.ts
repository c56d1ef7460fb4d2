// What a client asks to follow, by its query string and Last-Event-ID. It is read in one way for server-sent events and
// for a WebSocket.
import type { Context } from 'hono'
import { parseToken } from '../../src/ports/store/token.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { isOfLog } from '../http/min-position.ts'
import { askedNames, queryValuesOf, refuseParameter, refuseUnknown } from '../http/parameters.ts'
import { listErrors, problem } from '../http/problem.ts'
import { type EventFilter, FILTER_VALUES_MAX } from '../../src/ports/store/event-filter.ts'

/**
 * Asks whether a client may follow what it follows. It is asked before each batch of events, as a stream may have been
 * given to another one. Null: nobody has to ask.
 */
export type FollowCheck = (() => Promise<boolean>) | null

declare module 'hono' {
  interface ContextVariableMap {
    emakiFollowCheck: FollowCheck | undefined
  }
}

const AFTER = 'after'
const PARAMETERS = [AFTER, 'category', 'type', 'stream', 'correlation']
/** What a position is, for whoever sent another text. */
export const POSITION_EXPECTED = 'expected a position, such as the id of an event'

/** Whether a request says what it follows. A WebSocket may say it later, by a message. */
export function hasRequest(c: Context): boolean {
  const values = queryValuesOf(c)
  const isAsked = values instanceof Response || askedNames(c, values).length > 0
  return isAsked || lastIdOf(c) !== undefined
}

/** Reads the filter from the query. Commas separate values, except for streams and correlations: these may
 * contain a comma. */
export function filterOf(c: Context): EventFilter | Response {
  const values = queryValuesOf(c)
  if (values instanceof Response) return values
  const refused = refuseUnknown(c, values, PARAMETERS)
  if (refused) return refused
  const listed = (name: string) => (values.get(name) ?? []).flatMap(value => value.split(',')).filter(value => value !== '')
  const [stream, correlation] = [values.get('stream') ?? [], values.get('correlation') ?? []]
  const asked = { category: listed('category'), type: listed('type'), stream, correlation }
  const large = Object.entries(asked).filter(([, { length }]) => length > FILTER_VALUES_MAX)
  const message = `expected ${FILTER_VALUES_MAX} values at most`
  if (large.length) return problem(c, 'validation-failed', listErrors(large.map(([name]) => ({ path: [name], message }))))
  return { categories: asked.category, types: asked.type, streams: asked.stream, correlations: asked.correlation }
}

/** The position behind which a client begins. `Last-Event-ID` counts more than `?after=`; without both it is the head. */
export async function startOf(c: Context): Promise<number | Response> {
  const { store, tail } = c.get('emakiLive').services
  const header = lastIdOf(c)
  const asked = c.req.queries(AFTER) ?? []
  if (asked.length > 1) return refuseParameter(c, [AFTER], 'expected one position')
  const text = header ?? asked[0]
  if (text === undefined || text === '') return tail.head
  const position = await positionOf(store, tail.head, text)
  if (typeof position === 'number') return position
  if (position === 'unknown') return problem(c, 'unknown-position', { detail: `${text} is not of this log` })
  return header === undefined
    ? refuseParameter(c, [AFTER], POSITION_EXPECTED)
    : problem(c, 'bad-header', { detail: 'Last-Event-ID takes a position, such as the id of an event' })
}

/** A client that has no id yet may send an empty one. */
function lastIdOf(c: Context): string | undefined {
  return c.req.header('last-event-id') || undefined
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
