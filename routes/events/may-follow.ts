// Who may follow events, be it as a stream or over a WebSocket.
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { filterOf } from './events.ts'
import { categoriesOf, type EventFilter } from './filter.ts'
import { eventSocket } from './socket.ts'

export type MayFollowOptions = {
  /** Categories that anybody may follow. */
  readonly publicCategories: ReadonlySet<string>
  /** Lets pass who may follow all others. */
  readonly closed: MiddlewareHandler
  readonly origins: readonly string[]
}

/**
 * Comes before `eventStream`: who wants a WebSocket gets one, or what refuses it. It says what it follows later, so who may not
 * follow all is let in where something is public.
 */
export function mayFollow({ publicCategories, closed, origins }: MayFollowOptions): MiddlewareHandler {
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

/** What a middleware answers who may not pass; null: they may. */
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
