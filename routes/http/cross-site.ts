// Pages of other sites: what they may not do with the cookies, the address or the cached password of somebody.
import type { Context } from 'hono'
import { problem } from './problem.ts'

/** Methods that change nothing. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses a request that changes something and comes from a page of another site, unless the app allows its origin.
 * Null: the request may pass. Browsers alone say `Sec-Fetch-Site`, and no page can change it.
 */
export function refuseCrossSite(c: Context): Response | null {
  if (SAFE.has(c.req.method) || c.req.header('sec-fetch-site') !== 'cross-site') return null
  const origin = c.req.header('origin')
  if (origin !== undefined && (c.get('emakiOrigins').includes(origin) || isAllowedByCors(c, origin))) return null
  return problem(c, 'forbidden', { detail: 'pages of this Origin may send no commands; the option `origins` allows them' })
}

/** Whether a `cors` before us has named the origin, or allows all of them and the browser adds no credentials. */
function isAllowedByCors(c: Context, origin: string): boolean {
  const allowed = c.res.headers.get('access-control-allow-origin')
  return allowed === origin || (allowed === '*' && !hasAmbientCredentials(c))
}

/** Whether a browser may have added credentials by itself. It never adds a bearer. */
function hasAmbientCredentials(c: Context): boolean {
  const authorization = c.req.header('authorization')
  return c.req.header('cookie') !== undefined || (authorization !== undefined && !/^bearer /i.test(authorization))
}
