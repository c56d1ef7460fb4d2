// The context of a request: the services of its app, and its actor.
import type { Context } from 'hono'
import type { NoticeFields } from '../src/ports/report/notice.ts'
import type { Services } from '../src/runtime.ts'
import type { Live } from './events/live.ts'
import { traceOf } from './http/headers.ts'

/**
 * Decides whether a request may read streams and events that are not public. True: it may. False: 403. A Response is
 * sent as the answer.
 */
export type Guard = (c: Context) => boolean | Response | Promise<boolean | Response>
/** Names the actor of a request; null: the actor is not known. It becomes `meta.actor` and is given to `decide`. */
export type Actor = (c: Context) => string | null | Promise<string | null>

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string
    emaki: Services
    actor: Actor | null
    live: Live
    /** What a request is about, for the record of its failure. */
    about: NoticeFields
  }
}

/** The services of the app that serves a request. */
export function servicesOf(c: Context): Services {
  const emaki = c.get('emaki')
  if (!emaki)
    throw new TypeError(
      `${c.req.path}: a handler of Emaki is mounted outside of app({ serve }); mount it on the app, or the app on yours`,
    )
  return emaki
}

/** The request of a record: its id, which the caller got, its trace, and what it is about. */
export function requestOf(c: Context): NoticeFields {
  const { method, path } = c.req
  const { traceparent } = c.get('emaki')?.trace.current() ?? traceOf(c)
  return { requestId: c.get('requestId'), traceId: traceparent?.split('-')[1], ...c.get('about'), method, path }
}

export function actorOf(c: Context): string | null | Promise<string | null> {
  return c.get('actor')?.(c) ?? null
}
