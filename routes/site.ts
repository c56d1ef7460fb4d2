// What `main` serves: an app of Emaki, or a Hono app that mounts one, such as `new Hono().route('/shop', app)`.
import type { Hono } from 'hono'
import { findTargetHandler } from 'hono/utils/handler'
import { spec } from '../src/definitions/event/events.ts'
import type { App } from './app.ts'

/** What `main` needs of a Hono app, whatever its own types are. */
export type Site = Pick<Hono, 'routes'> & {
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>
}

/** An app, and the base path at which a site mounts it, such as `/shop`; empty: the site is the app. */
export type MountedApp = { readonly app: App; readonly base: string }

/** Finds the app that a site mounts. Throws a TypeError if it mounts none, or several. */
export function mountedIn(site: Site): MountedApp {
  const [first, ...others] = listMounted(site)
  if (!first) throw new TypeError('this Hono app mounts no app({ serve }); mount one by .route, such as .route("/shop", app)')
  if (others.some(({ app }) => app !== first.app))
    throw new TypeError('this Hono app mounts several of app({ serve }), and main serves one log: mount one')
  return first
}

export function mountsApp(site: Site): boolean {
  return listMounted(site).length > 0
}

function listMounted({ routes }: Site): readonly MountedApp[] {
  return routes.flatMap(({ handler, basePath }) => {
    const { [spec]: app } = findTargetHandler(handler) as { readonly [spec]?: App }
    return app ? [{ app, base: basePath.replace(/\/$/, '') }] : []
  })
}
