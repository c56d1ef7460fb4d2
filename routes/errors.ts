// Problems for requests that no route matches, and for errors that a handler throws.
import type { Context, ErrorHandler, Handler, Hono, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { matchedRoutes } from 'hono/route'
import type { Definition } from '../src/definitions/definition.ts'
import { PayloadError } from '../src/definitions/event/payload.ts'
import { problemOfRefusal, unreadableNotice } from './access.ts'
import { AccessRefused } from '../src/definitions/access/access.ts'
import { UnreadableEvent } from '../src/definitions/event/read.ts'
import { StaleRead } from '../src/query/stale-read.ts'
import { StoreError } from '../src/ports/store/errors.ts'
import { baseOf, pathInApp } from './http/base-path.ts'
import { problem, problemOfException } from './http/problem.ts'
import { refuseStale } from './http/min-position.ts'
import { requestOf, servicesOf } from './context.ts'
import { isForRoot, startPage } from './start-page.ts'
import { Notice, type Report } from '../src/ports/report/notice.ts'

/** Answers 404, or 405 if the path has routes for other methods. In development the root has a start page. */
export function handleNotFound(
  hono: Hono,
  {
    definitions,
    title,
    isDevelopment,
  }: { definitions: readonly Definition[]; title?: string | undefined; isDevelopment: () => boolean },
): NotFoundHandler {
  const deciders = definitions.filter(({ kind }) => kind === 'decider')
  return c => {
    if (isForRoot(c) && isDevelopment()) return startPage(c, title)
    const path = pathInApp(c)
    const allow = methodsOf(hono, path)
    // A POST to a decider names a command that the decider does not have.
    const isUnknownCommand = c.req.method === 'POST' && deciders.some(({ name }) => path.startsWith(`/${name}/`))
    if (allow.length === 0 || isUnknownCommand) return problem(c, 'not-found')
    return problem(c, 'method-not-allowed', {}, { Allow: allow.join(', ') })
  }
}

/**
 * Answers what no route of a mounted app matches, below its base path. The other app comes first where it has a route
 * of its own there. Without a base path the request is passed on.
 */
export function handleRest(notFound: NotFoundHandler): Handler {
  return (c, next) => (baseOf(c) === '' || hasRouteBehind(c) ? next() : notFound(c))
}

function hasRouteBehind(c: Context): boolean {
  return matchedRoutes(c)
    .slice(c.req.routeIndex + 1)
    .some(({ method }) => METHODS.includes(method))
}

/** Turns an error into a problem. An unexpected error is reported, and answered with a 500 that does not show it. */
export function handleError(report: Report): ErrorHandler {
  return (error, c) => {
    if (error instanceof HTTPException) return problemOfException(c, error)
    // A rule of a command is asked where the command is decided.
    if (error instanceof AccessRefused) return problemOfRefusal(c, error.isHidden, 'stream-not-found')
    if (error instanceof PayloadError && error.isTooLong)
      return problem(c, 'payload-too-large', {
        detail: 'the command leads to an event, or to a rejection, that is longer than events may be',
      })
    // Of a read in a route of the user. The derived routes answer so themselves.
    if (error instanceof StaleRead) return refuseStale(c, servicesOf(c), error)
    if (error instanceof UnreadableEvent) {
      report(unreadableNotice(error, requestOf(c)))
      return problem(c, 'stream-unreadable', { detail: error.message, retryable: true }, { 'Retry-After': '10' })
    }
    if (error instanceof StoreError && error.reason !== 'refused') return problem(c, 'unavailable', {}, { 'Retry-After': '1' })
    // The client left in the middle of its body. Nobody reads the answer, and nothing is wrong on our side.
    if (error.name === 'AbortError' && c.req.raw.signal.aborted)
      return problem(c, 'malformed-json', { detail: 'the body ends too early' })
    report(failureNotice(c, error))
    return problem(c, 'internal', { requestId: c.get('requestId') })
  }
}

/** The record of an error that nobody expected. */
function failureNotice(c: Context, cause: Error): Notice {
  const fields = requestOf(c)
  const message = `${fields['method']} ${fields['path']}: ${cause.message}`
  return new Notice({ level: 'error', code: 'request-failed', message, fields, cause })
}

/** Throws an error for whatever was thrown: Hono passes over values that are no errors, and so would the problem. */
export function throwAsError(thrown: unknown): never {
  throw thrown instanceof Error ? thrown : new Error(`${Bun.inspect(thrown)} was thrown, which is no error`, { cause: thrown })
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * The methods for which a path has a route, including routes of the user. A handler for all methods is middleware and
 * does not count.
 */
function methodsOf(hono: Hono, path: string): readonly string[] {
  const found = METHODS.filter(method => hono.router.match(method, path)[0].some(([[, route]]) => route.method === method))
  return found.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}
