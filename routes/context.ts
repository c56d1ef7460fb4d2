// The context of a request: the services of its app, and its actor.
import type { Context } from 'hono'
import type { Services } from '../src/runtime.ts'
import type { Live } from './events/live.ts'

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

export function actorOf(c: Context): string | null | Promise<string | null> {
  return c.get('actor')?.(c) ?? null
}
