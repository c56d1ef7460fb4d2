// Middleware between a request and its handler: what is refused early, what handlers find in their context, and who may pass.
import type { MiddlewareHandler } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { bodyLimit } from 'hono/body-limit'
import type { Config } from '../src/config.ts'
import type { Actor, Guard } from './context.ts'
import type { Lifecycle } from './lifecycle.ts'
import { problem } from './http/problem.ts'

/** Refuses requests without a host, and bodies that are too large. One middleware for both, as each costs every request. */
export function refuseBadRequests(maxSize: number): MiddlewareHandler {
  const limitBody = bodyLimit({ maxSize, onError: c => problem(c, 'payload-too-large', { limit: maxSize }) })
  return (c, next) => {
    // Without a host Bun gives the path alone, and Hono would begin to read it in its middle.
    if (c.req.raw.url.startsWith('/'))
      return Promise.resolve(problem(c, 'bad-header', { detail: 'Host is missing, or names no host' }))
    return c.req.raw.body ? limitBody(c, next) : next()
  }
}

/** Gives handlers the services of the app. The first request starts the app, and waits for it. */
export function provideServices({ running, start }: Lifecycle, actor: Actor | undefined): MiddlewareHandler {
  const provide: MiddlewareHandler = (c, next) => {
    const { services, live } = running()
    if (!services) return start().then(() => provide(c, next))
    c.set('emaki', services)
    c.set('live', live!)
    c.set('actor', actor ?? null)
    return next()
  }
  return provide
}

/** Lets pass whom the guard of the app lets pass; without a guard a bearer of ADMIN_TOKEN, without a token everybody outside of production. */
export function requireAccess(guard: Guard | undefined, configured: () => Config): MiddlewareHandler {
  let bearer: MiddlewareHandler | null = null
  return async (c, next) => {
    if (guard) {
      const verdict = await guard(c)
      if (verdict instanceof Response) return verdict
      return verdict ? next() : problem(c, 'forbidden')
    }
    const { ADMIN_TOKEN, NODE_ENV } = configured()
    if (ADMIN_TOKEN !== undefined) {
      bearer ??= bearerAuth({ token: ADMIN_TOKEN })
      return bearer(c, next)
    }
    return NODE_ENV === 'production' ? problem(c, 'forbidden') : next()
  }
}
