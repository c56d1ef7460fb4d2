// The context of a request: the services of its app, and its actor.
import type { Context } from 'hono'
import { callerProblem } from '../src/definitions/event/actor.ts'
import { Notice, type NoticeFields } from '../src/ports/report/notice.ts'
import type { Services } from '../src/runtime.ts'
import type { Live } from './events/live.ts'
import { traceOf } from './http/headers.ts'
import { problem } from './http/problem.ts'

/**
 * Decides whether a request may read streams and events that are not public. True: it may. False: 403. A Response is
 * sent as the answer.
 */
export type Guard = (c: Context) => boolean | Response | Promise<boolean | Response>
/**
 * Names the actor of a request, in 1 to 400 characters; null: the actor is not known. It becomes `meta.actor` and is
 * given to `decide`. A request whose actor begins with `process:`, `processor:` or `inbox:` is refused with 403.
 */
export type Actor = (c: Context) => string | null | Promise<string | null>

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string
    emaki: Services
    actor: Actor | null
    /** The index of the route that tells where the app is mounted. */
    baseIndex: number
    /** Origins whose pages may send commands and follow events. */
    origins: readonly string[]
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

/**
 * The actor of a request; null: it is not known. A Response refuses an actor that no caller can be. The operators are
 * told of the first one: the option `actor` of the app gave it.
 */
export async function actorOf(c: Context): Promise<string | null | Response> {
  const actor = (await c.get('actor')?.(c)) ?? null
  const wrong = actor === null ? null : callerProblem(actor)
  if (wrong === null) return actor
  reportRefused(c, wrong)
  return problem(c, 'actor-refused', { detail: wrong })
}

/** The apps of which an actor was reported. Each refused caller is told, so a record for each would only fill the disk. */
const reported = new WeakSet<Services>()

function reportRefused(c: Context, wrong: string): void {
  const emaki = servicesOf(c)
  if (reported.has(emaki)) return
  reported.add(emaki)
  const message = `The option actor of the app named a caller that is refused: ${wrong}. Let it give null, or another name. Later ones are refused without a record.`
  emaki.report(new Notice({ level: 'warn', code: 'actor-refused', message, fields: requestOf(c) }))
}
