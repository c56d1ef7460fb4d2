// Where another app mounts the app: `outer.route('/shop', app)`. The links of an answer lead there.
import type { Context } from 'hono'
import { basePath, baseRoutePath } from 'hono/route'

/**
 * Remembers which route tells the base path. A middleware of the app itself calls it: a route of the user may have a base
 * path of its own, within that of the app.
 * Throws a TypeError for a parameter that has the name of one of the app's own: it would be read in its place.
 */
export function rememberBase(c: Context): void {
  const pattern = baseRoutePath(c, c.req.routeIndex)
  const taken = pattern === '/' ? null : OWN_PARAMETERS.exec(pattern)
  if (taken) throw new TypeError(`an app is mounted at ${pattern}: its base path cannot have ${taken[0]}, choose another name`)
  c.set('emakiBaseIndex', c.req.routeIndex)
}

/** Parameters of the routes of an app. */
const OWN_PARAMETERS = /:(id|key|stream|slug)\b/

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
