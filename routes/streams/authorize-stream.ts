// Decides which clients may read the history of a stream.
import type { MiddlewareHandler } from 'hono'
import type { Access } from '../../src/definitions/access/access.ts'
import { categoryOf } from '../../src/definitions/event/stream-name.ts'
import { problemOfRefusal, refusalBy, verdictOnStream } from '../access.ts'
import { requestCallerOf, requestOf, servicesOf } from '../context.ts'

export type AuthorizeStream = {
  readonly isPublic: (category: string) => boolean
  readonly access: Access
  /** Passes clients that may read all streams, and refuses the others. */
  readonly checkAccess: MiddlewareHandler
}

/** Comes before `getStream`. A stream is open to everybody, by its rule, or to those who may read all. */
export function authorizeStream({ isPublic, access, checkAccess }: AuthorizeStream): MiddlewareHandler {
  return async (c, next) => {
    const stream = c.req.param('stream')!
    const category = categoryOf(stream)
    if (isPublic(category)) return next()
    if (access.stream(category) === null) return checkAccess(c, next)
    const actor = await requestCallerOf(c)
    if (actor instanceof Response) return actor
    const verdict = await verdictOnStream({ access, emaki: servicesOf(c), actor, about: { ...requestOf(c), stream } }, stream)
    if (verdict === true) return next()
    // Who may read all streams may read this one too.
    const isReader = (await refusalBy(checkAccess, c)) === null
    return isReader ? next() : problemOfRefusal(c, verdict === 'hidden', 'stream-not-found')
  }
}
