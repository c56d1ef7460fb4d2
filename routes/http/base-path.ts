// Where another app mounts the app: `outer.route('/shop', app)`. The links of an answer lead there.
import type { Context } from 'hono'
import { basePath } from 'hono/route'

/**
 * Remembers which route tells the base path. A middleware of the app itself calls it: a route of the user may have a base
 * path of its own, within that of the app.
 */
export function rememberBase(c: Context): void {
  c.set('emakiBaseIndex', c.req.routeIndex)
}

/** The base path of the app that serves a request, as its URL writes it, such as `/shop`; empty: it has none. */
export function baseOf(c: Context): string {
  const steps = baseSteps(c)
  if (steps === 0) return ''
  const url = c.req.raw.url.split('?', 1)[0]!
  const path = url.slice(url.indexOf('/', url.indexOf('://') + 3))
  return path.split('/', steps + 1).join('/')
}

/** The path of a request within its app, decoded as Hono does. */
export function pathInApp(c: Context): string {
  const steps = baseSteps(c)
  return steps === 0
    ? c.req.path
    : `/${c.req.path
        .split('/')
        .slice(steps + 1)
        .join('/')}`
}

/** How many steps the base path has. Hono decodes it, but no slash in it. */
function baseSteps(c: Context): number {
  const base = basePath(c, c.get('emakiBaseIndex') ?? c.req.routeIndex).replace(/\/$/, '')
  return base === '' ? 0 : base.split('/').length - 1
}
