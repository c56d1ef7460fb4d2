// One router for each method. Hono's fastest router cannot tell `/order/:id/place` from `/order/place`; such paths of
// one method no longer slow down the other methods.
import type { Result, Router } from 'hono/router'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { SmartRouter } from 'hono/router/smart-router'
import { TrieRouter } from 'hono/router/trie-router'
import type { RouterRoute } from 'hono/types'

type Route<T> = readonly [method: string, path: string, handler: T]

const ALL = 'ALL'

/** Hono's own routers. Each method uses the fastest one that can serve its paths. */
export class RouterByMethod<T> implements Router<T> {
  readonly name = 'RouterByMethod'
  /** Hono's own list of routes has the same order. */
  readonly routes: Route<T>[] = []
  readonly #routers = new Map<string, Router<T>>()
  /** The router for methods that have no routes. Clients may send any method, so they all share this one. */
  #others: Router<T> | null = null

  add(method: string, path: string, handler: T): void {
    if (this.#others) throw new Error('Can not add a route since the matcher is already built.')
    this.routes.push([method, path, handler])
  }

  match(method: string, path: string): Result<T> {
    this.#others ??= this.#build()
    return (this.#routers.get(method) ?? this.#others).match(method, path)
  }

  #build(): Router<T> {
    for (const [method] of this.routes) if (!this.#routers.has(method)) this.#routers.set(method, this.#routerOf(method))
    return this.#routers.get(ALL) ?? this.#routerOf(ALL)
  }

  #routerOf(wanted: string): Router<T> {
    const router = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] })
    for (const [method, path, handler] of this.routes) if (method === wanted || method === ALL) router.add(method, path, handler)
    return router
  }
}

/** Keeps the last entries of a list last: what is pushed from now on comes before them. */
export function keepLast<T>(list: T[], count: number): void {
  list.push = (...added) => {
    list.splice(list.length - count, 0, ...added)
    return list.length
  }
}

/**
 * Refuses to add routes once another app has mounted them: it took them as they were, so a guard that is added later
 * would guard nothing there.
 */
export function refuseAfterMounting(routes: RouterRoute[]): void {
  const { map } = routes
  routes.map = (...given) => {
    routes.push = () => {
      throw new TypeError('another app has mounted this app, and would not have what is added now: add it before')
    }
    return map.apply(routes, given) as never
  }
}

/** Whether one of some routes takes part in the answer to a GET of a path. */
export function takePart(routes: readonly { readonly method: string; readonly path: string }[], path: string): boolean {
  const router = new TrieRouter<true>()
  for (const { method, path } of routes) if (method === 'GET' || method === ALL) router.add('GET', path, true)
  return router.match('GET', path)[0].length > 0
}
