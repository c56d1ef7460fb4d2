// What a request is counted under: its method and its route. Both come from closed lists, as clients may send any text.
import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'

const METHODS: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '))

/** The method, if it is one that is known. Else null. */
export function knownMethod(method: string): string | null {
  return METHODS.has(method) ? method : null
}

/**
 * The path of the route that answers, or that would answer if no middleware had: the first pattern from here on that is
 * more than `*`. Null: there is none.
 */
export function routeOf(c: Context): string | null {
  const routes = matchedRoutes(c)
  const here = c.req.routeIndex
  const { path } = routes.find(({ path }, i) => i >= here && !path.endsWith('*')) ?? routes[here] ?? { path: '*' }
  return path === '*' || path === '/*' ? null : path
}
