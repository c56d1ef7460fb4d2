// Middleware before the handlers: refuses bad requests early, provides services, and checks access.
import { isProduction } from '../src/definitions/environment.ts'
import type { Context, MiddlewareHandler } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { bodyLimit } from 'hono/body-limit'
import type { Config } from '../src/config.ts'
import type { Access } from '../src/definitions/access/access.ts'
import type { AppOptions } from './app-options.ts'
import type { Guard } from './context.ts'
import { throwAsError } from './errors.ts'
import type { Lifecycle } from './lifecycle.ts'
import { pathInApp, rememberBase } from './http/base-path.ts'
import { ownBodyLimit } from './http/body-limit.ts'
import { hasSecondHost } from './http/headers.ts'
import { isFromThisMachine } from './events/server.ts'
import { problem } from './http/problem.ts'

/**
 * Refuses requests without a host, and bodies that are too large, and has only errors thrown. One middleware does all,
 * because each one costs every request.
 */
export function refuseBadRequests(maxSize: number): MiddlewareHandler {
  const limitTo = (maxSize: number) => bodyLimit({ maxSize, onError: c => problem(c, 'payload-too-large', { limit: maxSize }) })
  const limitBody = limitTo(maxSize)
  return (c, next) => {
    // Without a host Bun gives only the path, and Hono would read it from the wrong place on.
    if (c.req.raw.url.startsWith('/'))
      return Promise.resolve(problem(c, 'bad-header', { detail: 'Host is missing, or names no host' }))
    if (hasSecondHost(c)) return Promise.resolve(problem(c, 'bad-header', { detail: 'Host is there twice' }))
    if (!c.req.raw.body) return next().catch(throwAsError)
    const own = ownBodyLimit(c)
    return (own === null ? limitBody : limitTo(own))(c, next).catch(throwAsError)
  }
}

/** Gives handlers the services of the app. The first request starts the app, and waits for it. */
export function provideServices(
  { running, startOnDemand }: Lifecycle,
  access: Access,
  { actor, meta, origins = [], parameters = [] }: AppOptions,
): MiddlewareHandler {
  const provide: MiddlewareHandler = (c, next) => {
    rememberBase(c)
    const { services, live } = running()
    if (!services) return needsNone(c) ? next() : startOnDemand().then(() => provide(c, next))
    c.set('emaki', services)
    c.set('emakiLive', live!)
    c.set('emakiActor', actor ?? null)
    c.set('emakiMeta', meta ?? null)
    c.set('emakiAccess', access)
    c.set('emakiOrigins', origins)
    c.set('emakiParameters', parameters)
    return next()
  }
  return provide
}

const REFUSED_BY_GUARD = 'the guard of the app refuses this caller'
const NOBODY = 'in production nobody has access to an app that has neither a guard nor ADMIN_TOKEN'
const NO_RULE = 'no rule opens this to the caller, and the app has neither a guard nor ADMIN_TOKEN'
const ONLY_THIS_MACHINE = 'without a guard and ADMIN_TOKEN only clients on this machine have access'

/** Whether a request is answered without services, so that it does not open the store. */
function needsNone(c: Context): boolean {
  return DOCUMENTS.has(pathInApp(c))
}
const DOCUMENTS: ReadonlySet<string> = new Set(['/openapi.json', '/docs', '/docs/scalar.js'])

/**
 * Passes the requests that the guard of the app passes. Without a guard: a bearer of ADMIN_TOKEN. Without ADMIN_TOKEN:
 * everybody on this machine outside of production, nobody in production. `isRuled`: the app has rules of access, and so
 * nobody passes without a guard and ADMIN_TOKEN.
 */
export function requireAccess(guard: Guard | undefined, isRuled: boolean, configured: () => Config): MiddlewareHandler {
  let bearer: MiddlewareHandler | null = null
  return async (c, next) => {
    if (guard) {
      const verdict = await guard(c)
      if (verdict instanceof Response) return verdict
      return verdict === true ? next() : problem(c, 'forbidden', { detail: REFUSED_BY_GUARD })
    }
    const { ADMIN_TOKEN, NODE_ENV } = configured()
    if (ADMIN_TOKEN !== undefined) {
      bearer ??= bearerAuth({ token: ADMIN_TOKEN })
      return bearer(c, next)
    }
    if (isRuled || isProduction(NODE_ENV)) return problem(c, 'forbidden', { detail: isRuled ? NO_RULE : NOBODY })
    return isFromThisMachine(c) ? next() : problem(c, 'forbidden', { detail: ONLY_THIS_MACHINE })
  }
}
