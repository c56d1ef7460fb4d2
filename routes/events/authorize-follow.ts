// Decides which clients may follow events, as a stream or over a WebSocket.
import type { Context, MiddlewareHandler } from 'hono'
import { type Access, askRule } from '../../src/definitions/access/access.ts'
import { categoryOf } from '../../src/definitions/event/stream-name.ts'
import { refusalBy, type StreamCaller, verdictOnStream } from '../access.ts'
import { requestCallerOf, requestOf, servicesOf } from '../context.ts'
import { categoriesOf, type EventFilter } from '../../src/ports/store/event-filter.ts'
import { type FollowCheck, filterOf, hasRequest } from './follow-request.ts'
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
    const caller = { access, emaki: servicesOf(c), actor, about: requestOf(c) }
    const checkOf = (filter: EventFilter): FollowCheck => (isPublic(filter) ? null : () => mayFollow(caller, filter))
    const check = checkOfRequest(c, checkOf)
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      const passes = check === null || (await check())
      c.set('emakiFollowCheck', passes ? check : null)
      return passes ? next() : checkAccess(c, next)
    }
    const refused = await refusalBy(checkAccess, c)
    const maySubscribe = () => publicCategories.size > 0 || access.isRuled
    const passes = async () => (hasRequest(c) ? check === null || (await check()) : maySubscribe())
    if (refused && !(await passes())) return refused()
    return eventSocket(c, { origins, checkOf: refused ? checkOf : () => null, until: actor?.until ?? null })
  }
}

/** A request that cannot be read opens nothing by itself: who may read all is told what is wrong with it. */
function checkOfRequest(c: Context, checkOf: (filter: EventFilter) => FollowCheck): FollowCheck {
  const filter = filterOf(c)
  return filter instanceof Response ? async () => false : checkOf(filter)
}

/** Whether rules let a caller follow all that passes a filter: each of its streams, or else all of its categories. */
async function mayFollow(caller: StreamCaller, filter: EventFilter): Promise<boolean> {
  if (filter.streams.length) {
    for (const stream of filter.streams) if (!(await mayReadStream(caller, stream))) return false
    return true
  }
  const categories = categoriesOf(filter) ?? []
  return categories.length > 0 && categories.every(category => mayReadEvents(caller, category))
}

function mayReadEvents({ access, actor }: StreamCaller, category: string): boolean {
  const rule = access.events(category)
  return rule !== null && askRule(rule, { actor }) === true
}

async function mayReadStream(caller: StreamCaller, stream: string): Promise<boolean> {
  return mayReadEvents(caller, categoryOf(stream)) || (await verdictOnStream(caller, stream)) === true
}
