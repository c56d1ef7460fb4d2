// A handler finds in its context the services of its app, and who asks.
import type { Context } from 'hono'
import type { Services } from '../src/runtime.ts'
import type { Live } from './events/live.ts'

/** Says whether a request may read streams and events that are not public: true lets it pass, false is 403, a Response is the answer. */
export type Guard = (c: Context) => boolean | Response | Promise<boolean | Response>
/** Says who asks; null: nobody known. It fills `meta.actor` and is given to `decide`. */
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
