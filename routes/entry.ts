// What comes before all else, in one middleware: each costs every request.
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { problem } from './problem.ts'

/** What `secureHeaders` of Hono gives every answer. */
const SECURE: readonly (readonly [string, string])[] = [
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Origin-Agent-Cluster', '?1'],
  ['Referrer-Policy', 'no-referrer'],
  ['Strict-Transport-Security', 'max-age=15552000; includeSubDomains'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-DNS-Prefetch-Control', 'off'],
  ['X-Download-Options', 'noopen'],
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['X-Permitted-Cross-Domain-Policies', 'none'],
  ['X-XSS-Protection', '0'],
]

/**
 * Names the request (`X-Request-Id`, the client's own where it sent a good one), refuses a URL without a host and a body of more bytes than
 * `maxSize`, and gives every answer its security headers.
 */
export function entry(maxSize: number): MiddlewareHandler {
  const limited = bodyLimit({ maxSize, onError: c => problem(c, 'payload-too-large', { limit: maxSize }) })
  return async (c, next) => {
    const requestId = requestIdOf(c)
    c.set('requestId', requestId)
    try {
      const refused = refusedHost(c) ?? (await (c.req.raw.body ? limited(c, next) : next()))
      // Otherwise it is what `next` gives, and the answer is in the context.
      if (refused instanceof Response) c.res = refused
    } finally {
      // Of what is thrown from here the answer is yet to be made, and takes on these.
      const { headers } = c.res
      headers.set('X-Request-Id', requestId)
      for (const [name, value] of SECURE) headers.set(name, value)
      headers.delete('X-Powered-By')
    }
  }
}

/** Without a host Bun gives the path alone, and Hono would begin to read it in its middle. */
function refusedHost(c: Context): Response | null {
  return c.req.raw.url.startsWith('/') ? problem(c, 'bad-header', { detail: 'Host is missing, or names no host' }) : null
}

function requestIdOf(c: Context): string {
  const own = c.req.header('x-request-id')
  return own && own.length <= 255 && !/[^\w\-=]/.test(own) ? own : Bun.randomUUIDv7()
}
