// Lets clients follow events, as a stream or over a WebSocket, where they may.
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { filterOf } from './events.ts'
import { categoriesOf, type EventFilter } from './filter.ts'
import { eventSocket } from './socket.ts'

export type AuthorizeOptions = {
  /** Categories that anybody may follow. */
  readonly publicCategories: ReadonlySet<string>
  /** Lets pass clients that may follow all categories. */
  readonly closed: MiddlewareHandler
  readonly origins: readonly string[]
}

/**
 * Comes before `eventStream`. A client that wants a WebSocket gets one, or is refused. It names what it follows later, so a client without
 * access gets one where some categories are public.
 */
export function authorizeFollow({ publicCategories, closed, origins }: AuthorizeOptions): MiddlewareHandler {
  const isPublic = (filter: EventFilter) => categoriesOf(filter)?.every(category => publicCategories.has(category)) ?? false
  return async (c, next) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      const filter = filterOf(c)
      return !(filter instanceof Response) && isPublic(filter) ? next() : closed(c, next)
    }
    const refused = await refusal(closed, c)
    if (refused && publicCategories.size === 0) return refused()
    return eventSocket(c, origins, refused ? isPublic : () => true)
  }
}

/** The answer of a middleware that lets a request not pass; null: it lets it pass. */
async function refusal(middleware: MiddlewareHandler, c: Context): Promise<(() => Response) | null> {
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
