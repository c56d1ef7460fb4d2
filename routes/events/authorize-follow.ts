// Decides which clients may follow events, as a stream or over a WebSocket.
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { filterOf } from './events.ts'
import { categoriesOf, type EventFilter } from './filter.ts'
import { eventSocket } from './socket.ts'

export type AuthorizeOptions = {
  /** Categories that anybody may follow. */
  readonly publicCategories: ReadonlySet<string>
  /** Passes clients that may follow all categories, and refuses the others. */
  readonly checkAccess: MiddlewareHandler
  readonly origins: readonly string[]
}

/**
 * Comes before `eventStream`. Upgrades a request for a WebSocket, or refuses it. Such a client names its filter later.
 * So a client without access is upgraded too if some categories are public.
 */
export function authorizeFollow({ publicCategories, checkAccess, origins }: AuthorizeOptions): MiddlewareHandler {
  const isPublic = (filter: EventFilter) => {
    const categories = categoriesOf(filter)
    // A filter that no event passes names no public category either.
    return categories !== null && categories.length > 0 && categories.every(category => publicCategories.has(category))
  }
  return async (c, next) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      const filter = filterOf(c)
      return !(filter instanceof Response) && isPublic(filter) ? next() : checkAccess(c, next)
    }
    const refused = await refusalBy(checkAccess, c)
    if (refused && publicCategories.size === 0) return refused()
    return eventSocket(c, origins, refused ? isPublic : () => true)
  }
}

/** The answer with which a middleware refuses a request; null: it passes the request. */
async function refusalBy(middleware: MiddlewareHandler, c: Context): Promise<(() => Response) | null> {
  let hasPassed = false
  try {
    const answer = await middleware(c, async () => {
      hasPassed = true
    })
    return hasPassed ? null : () => answer as Response
  } catch (error) {
    if (!(error instanceof HTTPException)) throw error
    return () => {
      throw error
    }
  }
}
