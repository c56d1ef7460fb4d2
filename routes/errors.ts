// Problems for requests that no route takes, and for errors that a handler throws.
import type { ErrorHandler, Hono, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Definition } from '../src/definitions/definition.ts'
import { PayloadError } from '../src/definitions/event/payload.ts'
import { UnreadableEvent } from '../src/definitions/event/read.ts'
import { StoreError } from '../src/ports/store/errors.ts'
import { problem, problemOfException } from './http/problem.ts'

/** 404, or 405 where the path has routes for other methods. */
export function handleNotFound(hono: Hono, definitions: readonly Definition[]): NotFoundHandler {
  const deciders = definitions.filter(({ kind }) => kind === 'decider')
  return c => {
    const allow = methodsOf(hono, c.req.path)
    // A POST to a decider names a command, and the decider has no such command.
    const isUnknownCommand = c.req.method === 'POST' && deciders.some(({ name }) => c.req.path.startsWith(`/${name}/`))
    if (allow.length === 0 || isUnknownCommand) return problem(c, 'not-found')
    return problem(c, 'method-not-allowed', {}, { Allow: allow.join(', ') })
  }
}

/** The problem of an error. An error that nobody expected is reported, and is a 500 that says nothing of it. */
export function handleError(report: (error: unknown) => void = console.error): ErrorHandler {
  return (error, c) => {
    if (error instanceof HTTPException) return problemOfException(c, error)
    if (error instanceof PayloadError && error.isTooLong)
      return problem(c, 'payload-too-large', { detail: 'the decision gave an event that is longer than an event may be' })
    if (error instanceof UnreadableEvent)
      return problem(c, 'stream-unreadable', { detail: error.message, retryable: true }, { 'Retry-After': '10' })
    if (error instanceof StoreError && error.reason !== 'refused') return problem(c, 'unavailable', {}, { 'Retry-After': '1' })
    // The client left in the middle of its body: nobody reads the answer, and nothing is wrong on our side.
    if (error.name === 'AbortError' && c.req.raw.signal.aborted)
      return problem(c, 'malformed-json', { detail: 'it ends too early' })
    report(error)
    return problem(c, 'internal', { requestId: c.get('requestId') })
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The methods for which a path has a route, also one of the user's. A handler for all methods is middleware, and no route. */
function methodsOf(hono: Hono, path: string): readonly string[] {
  const found = METHODS.filter(method => hono.router.match(method, path)[0].some(([[, route]]) => route.method === method))
  return found.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}
