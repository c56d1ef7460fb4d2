// The context of a request: the services of its app, and its actor.
import type { Context } from 'hono'
import type { Access } from '../src/definitions/access/access.ts'
import { type Caller, callerOf, type GivenCaller } from '../src/definitions/access/caller.ts'
import type { Claims } from '../src/definitions/access/claims.ts'
import { callerProblem } from '../src/definitions/event/actor.ts'
import { Notice, type NoticeFields } from '../src/ports/report/notice.ts'
import type { Runtime, Services } from '../src/runtime.ts'
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
 *
 * Rules of access are given the actor with its claims: those given here, or the payload that `jwt` or `jwk` of Hono has
 * verified. `until` is the end of its credentials, at which its event streams end. Default: the claim `exp`.
 */
export type Actor = (c: Context) => GivenCaller | null | Promise<GivenCaller | null>

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string
    /** The running app: for a route of your own, its commands and reads. */
    emaki: Runtime
    emakiActor: Actor | null
    /** The index of the route that tells where the app is mounted. */
    emakiBaseIndex: number
    emakiAccess: Access
    /** The actor of the request with its claims, once it was asked for. */
    emakiCaller: Promise<Caller | null | Response>
    /** Origins whose pages may send commands and follow events. */
    emakiOrigins: readonly string[]
    /** Query parameters that a middleware of the user reads. */
    emakiParameters: readonly string[]
    emakiLive: Live
    /** What a request is about, for the record of its failure. */
    emakiAbout: NoticeFields
  }
}

/** The services of the app that serves a request. */
export function servicesOf(c: Context): Services {
  const emaki = c.get('emaki')
  if (!emaki)
    throw new TypeError(
      `${c.req.path}: a handler of Emaki is mounted outside of app({ serve }); mount it on the app, or the app on yours`,
    )
  // It is set with all parts. Its type for routes of the user shows them the runtime alone.
  return emaki as Services
}

/** The request of a record: its id, which the caller got, its trace, and what it is about. */
export function requestOf(c: Context): NoticeFields {
  const { method, path } = c.req
  const emaki = c.get('emaki') as Services | undefined
  const { traceparent } = emaki?.trace.current() ?? traceOf(c)
  return { requestId: c.get('requestId'), traceId: traceparent?.split('-')[1], ...c.get('emakiAbout'), method, path }
}

/**
 * The actor of a request; null: it is not known. A Response refuses an actor that no caller can be. The operators are
 * told of the first one: the option `actor` of the app gave it.
 */
export async function actorOf(c: Context): Promise<string | null | Response> {
  const caller = await requestCallerOf(c)
  return caller instanceof Response ? caller : (caller?.id ?? null)
}

/** The actor of a request with its claims, as `actorOf` gives its name. The app is asked once a request. */
export function requestCallerOf(c: Context): Promise<Caller | null | Response> {
  const asked = c.get('emakiCaller') ?? askCaller(c)
  c.set('emakiCaller', asked)
  return asked
}

async function askCaller(c: Context): Promise<Caller | null | Response> {
  const given = (await c.get('emakiActor')?.(c)) ?? null
  if (given === null) return null
  const caller = callerOf(given, c.get('jwtPayload') as Claims | undefined)
  const wrong = callerProblem(caller.id)
  if (wrong === null) return caller
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
