// How large a body may be: the limit of the app, unless a route has its own.
import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { findTargetHandler } from 'hono/utils/handler'

/** The largest body that `main` lets its server read, in bytes. */
export const BODY_SIZE_MAX: number = 128 * 1_048_576

const limits = new WeakMap<object, number>()
/** Whether there is any. Most apps have none, and looking for one would cost every command. */
let hasLimits = false

/**
 * Gives routes a limit of their own for bodies, in bytes, instead of `bodyLimit` of the app. It may be smaller or larger,
 * up to 134 217 728. If several match a request, the last one counts. A larger body answers 413.
 * Throws a RangeError for another number.
 *
 * @example
 * app({ serve: [order] }).post('/photos/:id', limitBody(20_000_000), c => …)
 */
export function limitBody(bytes: number): MiddlewareHandler {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > BODY_SIZE_MAX)
    throw new RangeError(`limitBody(${bytes}): expected whole bytes from 1 to ${BODY_SIZE_MAX}`)
  const middleware: MiddlewareHandler = (_, next) => next()
  limits.set(middleware, bytes)
  hasLimits = true
  return middleware
}

/** The largest body that a request may have, in bytes. Null: its routes have no limit of their own. */
export function ownBodyLimit(c: Context): number | null {
  if (!hasLimits) return null
  const found = matchedRoutes(c).map(({ handler }) => limits.get(findTargetHandler(handler)))
  return found.findLast(limit => limit !== undefined) ?? null
}
