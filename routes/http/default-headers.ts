// The headers of every answer and its measurement, by one middleware. Each middleware that waits, and each header that
// is set late, costs every request.
import type { Context, MiddlewareHandler } from 'hono'
import type { RequestMeter } from './request-meter.ts'

/** The headers of Hono's `secureHeaders`, with its defaults. */
export const SECURE_HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=15552000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
}
const SECURE = Object.entries(SECURE_HEADERS)
const REQUEST_ID_LENGTH_MAX = 255

/**
 * Sets `X-Request-Id` on every answer, and the headers that make browsers careful. The id is the client's own if it is
 * valid. It also measures the request.
 */
export function defaultHeaders(meter: RequestMeter): MiddlewareHandler {
  return async (c, next) => {
    const requestId = identify(c)
    const began = meter.begin()
    await next()
    const { res } = c
    res.headers.set('X-Request-Id', requestId)
    for (const [name, value] of SECURE) res.headers.set(name, value)
    res.headers.delete('X-Powered-By')
    meter.end(c, began, res.status)
  }
}

/** Gives a request its id. Handlers and the actor use it. */
export function identify(c: Context): string {
  const own = c.req.header('x-request-id')
  const isGood = own && own.length <= REQUEST_ID_LENGTH_MAX && !/[^\w\-=]/.test(own)
  const requestId = isGood ? own : Bun.randomUUIDv7()
  c.set('requestId', requestId)
  return requestId
}
