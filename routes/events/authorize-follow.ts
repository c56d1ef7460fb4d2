// Decides which clients may follow events, as a stream or over a WebSocket.
import type { Context, MiddlewareHandler } from 'hono'
import { type Access, askRule } from '../../src/definitions/access/access.ts'
import type { Verdict } from '../../src/definitions/access/allow.ts'
import type { Caller } from '../../src/definitions/access/caller.ts'
import { categoryOf, instanceOf } from '../../src/definitions/event/stream-name.ts'
import type { Services } from '../../src/runtime.ts'
import { requestCallerOf, servicesOf } from '../context.ts'
import { stateNow } from '../streams/states.ts'
import { HTTPException } from 'hono/http-exception'
import { categoriesOf, type EventFilter } from '../../src/ports/store/event-filter.ts'
import { filterOf, hasRequest } from './follow-request.ts'
import { eventSocket } from './socket.ts'

export type AuthorizeOptions = {
  /** Categories that anybody may follow. */
  readonly publicCategories: ReadonlySet<string>
  readonly access: Access
  /** Passes clients that may follow all categories, and refuses the others. */
  readonly checkAccess: MiddlewareHandler
  readonly origins: readonly string[]
}

/**
 * Comes before `eventStream`. Upgrades a request for a WebSocket, or refuses it. Such a client may name its filter
 * later. So a client without access is upgraded too if some categories are public.
 */
export function authorizeFollow({ publicCategories, access, checkAccess, origins }: AuthorizeOptions): MiddlewareHandler {
  const isPublic = (filter: EventFilter) => {
    const categories = categoriesOf(filter)
    // A filter that no event passes names no public category either.
    return categories !== null && categories.length > 0 && categories.every(category => publicCategories.has(category))
  }
  return async (c, next) => {
    const actor = await requestCallerOf(c)
    if (actor instanceof Response) return actor
    const emaki = servicesOf(c)
    const mayFollow = async (filter: EventFilter) => isPublic(filter) || mayFollowByRule(access, emaki, actor, filter)
    const mayFollowRequest = async () => {
      const filter = filterOf(c)
      return !(filter instanceof Response) && (await mayFollow(filter))
    }
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return (await mayFollowRequest()) ? next() : checkAccess(c, next)
    const refused = await refusalBy(checkAccess, c)
    const maySubscribe = () => publicCategories.size > 0 || access.isRuled
    if (refused && !(hasRequest(c) ? await mayFollowRequest() : maySubscribe())) return refused()
    return eventSocket(c, { origins, mayFollow: refused ? mayFollow : async () => true, until: actor?.until ?? null })
  }
}

/** Whether rules let a caller follow all that passes a filter: each of its streams, or else all of its categories. */
async function mayFollowByRule(access: Access, emaki: Services, actor: Caller | null, filter: EventFilter): Promise<boolean> {
  if (filter.streams.length) {
    for (const stream of filter.streams) if (!(await mayReadStream(access, emaki, actor, stream))) return false
    return true
  }
  const categories = categoriesOf(filter) ?? []
  return categories.length > 0 && categories.every(category => mayReadEvents(access, actor, category))
}

function mayReadEvents(access: Access, actor: Caller | null, category: string): boolean {
  const rule = access.events(category)
  return rule !== null && askRule(rule, { actor }) === true
}

async function mayReadStream(access: Access, emaki: Services, actor: Caller | null, stream: string): Promise<boolean> {
  return mayReadEvents(access, actor, categoryOf(stream)) || (await verdictOnStream(access, emaki, actor, stream)) === true
}

/** What the rule of a stream says. False also where there is none. */
export async function verdictOnStream(access: Access, emaki: Services, actor: Caller | null, stream: string): Promise<Verdict> {
  const [category, instance] = [categoryOf(stream), instanceOf(stream)]
  const rule = access.stream(category)
  if (rule === null || rule === 'all') return rule === 'all'
  return askRule(rule, { actor, instance, state: await stateNow(emaki, category, instance) })
}

/** The answer with which a middleware refuses a request; null: it passes the request. */
export async function refusalBy(middleware: MiddlewareHandler, c: Context): Promise<(() => Response) | null> {
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
