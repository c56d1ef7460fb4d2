// Every error of the HTTP API, as an RFC 9457 problem document. The `type` of a problem is a page that the app serves.
import type { Context } from 'hono'
import type { HTTPException } from 'hono/http-exception'
import type { Invalid } from '../../src/dispatch/outcome.ts'
import { baseOf } from './base-path.ts'

type CatalogueEntry = { readonly status: number; readonly title: string; readonly fix: string }

export type Slug =
  | 'malformed-json'
  | 'validation-failed'
  | 'bad-header'
  | 'unauthenticated'
  | 'forbidden'
  | 'actor-refused'
  | 'not-found'
  | 'stream-not-found'
  | 'row-not-found'
  | 'command-not-found'
  | 'command-begun'
  | 'method-not-allowed'
  | 'version-conflict'
  | 'unknown-position'
  | 'precondition-failed'
  | 'payload-too-large'
  | 'too-many-requests'
  | 'unsupported-media-type'
  | 'command-rejected'
  | 'idempotency-key-reused'
  | 'internal'
  | 'stream-unreadable'
  | 'unavailable'
  | 'outcome-unknown'
  | 'too-early'
  | 'not-ready'
  | 'behind'
  | 'parked'
  | 'storage-full'

/** The catalogue. A slug is stable; its texts may improve. */
export const problems: Readonly<Record<Slug, CatalogueEntry>> = {
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    fix: 'Send UTF-8 encoded JSON; `detail` says what is wrong with it.',
  },
  'validation-failed': {
    status: 400,
    title: 'The input does not fit its schema',
    fix: 'Each of `errors` has a JSON pointer to a value and what was expected there.',
  },
  'bad-header': { status: 400, title: 'A header cannot be read', fix: '`detail` names the header and the form it takes.' },
  unauthenticated: {
    status: 401,
    title: 'The request has no valid credentials',
    fix: 'Send the credentials that the app asks for.',
  },
  forbidden: {
    status: 403,
    title: 'You have no access',
    fix: '`detail` says who decides. Without it the app does, by rules of its own: send other credentials, or ask its operators.',
  },
  'actor-refused': {
    status: 403,
    title: 'You cannot be this actor',
    fix: '`detail` says why. The option actor of the app names the caller of a request.',
  },
  'not-found': { status: 404, title: 'There is nothing here', fix: 'The document openapi.json of the app lists the routes.' },
  'stream-not-found': { status: 404, title: 'The stream has no events', fix: 'Check the category and the id.' },
  'row-not-found': {
    status: 404,
    title: 'There is no such row',
    fix: 'Check the key, or send Min-Position to wait for newer rows.',
  },
  'command-not-found': {
    status: 404,
    title: 'There is no such scheduled command',
    fix: 'Check the id, which the header Location has, and your credentials. A command is forgotten 24 hours after its outcome.',
  },
  'command-begun': {
    status: 409,
    title: 'The command is no longer pending',
    fix: 'It is being sent, or has been sent: GET shows its outcome.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    fix: 'The header Allow names the methods that are.',
  },
  'version-conflict': {
    status: 409,
    title: 'Others wrote to the stream first',
    fix: 'Read the stream again, and send the command again if it still makes sense.',
  },
  'unknown-position': {
    status: 409,
    title: 'The log was never at this position',
    fix: 'The log was restored to an earlier time, or is another log. Discard what you have read, and read again from the start.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The stream is not at the version you named',
    fix: 'The header ETag has the version of the stream. Read the stream again.',
  },
  'payload-too-large': { status: 413, title: 'The body is too large', fix: 'Send a smaller body.' },
  'too-many-requests': {
    status: 429,
    title: 'You send too many requests',
    fix: 'Try again after the time in Retry-After. The headers RateLimit-Policy and RateLimit may say how many you may send.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not declared as JSON',
    fix: 'Send Content-Type: application/json.',
  },
  'command-rejected': {
    status: 422,
    title: 'The decision rejected the command',
    fix: '`code` says why; `data` says more. A decider may give a code another status and title.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The key was used for another command',
    fix: 'Use a new key for each command. Use the same key only to send the same command again.',
  },
  internal: { status: 500, title: 'Something broke on our side', fix: 'Tell the operators the request id.' },
  'stream-unreadable': {
    status: 503,
    title: 'This release cannot read the stream',
    fix: 'It has an event that a newer release wrote. Try again later.',
  },
  unavailable: {
    status: 503,
    title: 'The app cannot take the request now',
    fix: 'Nothing was appended. Try again after the time in Retry-After.',
  },
  'outcome-unknown': {
    status: 503,
    title: 'Nobody knows whether the events were appended',
    fix: 'Send the same command again with the same Idempotency-Key.',
  },
  'too-early': {
    status: 503,
    title: 'The decision asks for the command later',
    fix: '`code` says why. Nothing was appended. Send the command again after the time in Retry-After, with the same key if it has one.',
  },
  'not-ready': { status: 503, title: 'The app is not ready to serve', fix: 'Try again after the time in Retry-After.' },
  behind: {
    status: 503,
    title: 'The rows are older than you ask for',
    fix: 'Try again after the time in Retry-After, or send a longer Prefer: wait.',
  },
  parked: {
    status: 503,
    title: 'The rows have stopped at an event that they cannot fold',
    fix: 'Without Min-Position you get the row as it was before that event, if there was one. Without Prefer: complete a list leaves it out. An operator fixes the projection and unparks it.',
  },
  'storage-full': {
    status: 507,
    title: 'The disk of the store is full',
    fix: 'Nothing was appended. Try again when the disk has room.',
  },
}

/** Further members of a problem. A rejection may have a status and a title of its own. */
export type Extension = {
  readonly status?: number
  readonly title?: string
  readonly detail?: string
  readonly [member: string]: unknown
}

/** Answers with a problem document. It shows data of the request, and never the text of an exception. */
export function problem(
  c: Context,
  slug: Slug,
  extension: Extension = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status = problems[slug].status } = extension
  const body = problemOf(slug, extension, { base: baseOf(c), instance: c.req.path })
  // Hono's union of statuses is narrower than ours.
  return c.newResponse(JSON.stringify(body), status as 500, {
    'Content-Type': 'application/problem+json',
    'Content-Language': 'en',
    'Cache-Control': 'no-store',
    ...headers,
  })
}

/** Where a problem was met: the base path of the app, and the path of the request. */
export type ProblemPlace = { readonly base: string; readonly instance: string }

/** A problem as a document, for places without a response, such as a WebSocket. */
export function problemOf(slug: Slug, extension: Extension, { base, instance }: ProblemPlace): object {
  const { status, title } = problems[slug]
  return { type: problemType(slug, base), title, status, ...extension, instance }
}

/** The `type` of a problem: the path of its page. */
export function problemType(slug: string, base: string): string {
  return `${base}/problems/${slug}`
}

/** A place in a document as a JSON pointer, in the form of a URI fragment (RFC 6901): `#/items/0/qty`. */
export function pointer(path: readonly PropertyKey[]): string {
  const step = (key: PropertyKey) => encodeURIComponent(cutText(String(key)).replaceAll('~', '~0').replaceAll('/', '~1'))
  return `#${path.map(key => `/${step(key)}`).join('')}`
}

/** The most errors of an answer, and the longest text in one, so that an answer is not much longer than its request. */
export const ERRORS_MAX = 100
export const TEXT_LENGTH_MAX = 1_000

/** What did not fit a schema, each with its place. */
export function listErrors(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): Errors {
  return { errors: issues.slice(0, ERRORS_MAX).map(({ path, message }) => errorAt(pointer(path), message)) }
}

/** The errors of a command, each with its place in the body. */
export function errorsOf({ issues }: Invalid): Errors {
  return { errors: issues.slice(0, ERRORS_MAX).map(({ path, message }) => errorAt(`#${path}`, message)) }
}

type ListedError = { readonly pointer: string; readonly detail: string }
type Errors = { readonly errors: readonly ListedError[] }

function errorAt(pointer: string, detail: string): ListedError {
  return { pointer: cutText(pointer), detail: cutText(detail) }
}

function cutText(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX).toWellFormed()}…`
}

/**
 * The problem for an error that Hono or a middleware threw, by its status, with the headers of the error. Other errors
 * keep their own response.
 */
export function problemOfException(c: Context, error: HTTPException): Response {
  const challenge = error.res?.headers.get('WWW-Authenticate')
  if (error.status === 400 && challenge)
    return problem(c, 'bad-header', { detail: 'Authorization takes Bearer and a token' }, { 'WWW-Authenticate': challenge })
  const slug = OF_STATUS[error.status] ?? (error.res?.body ? undefined : WITHOUT_BODY[error.status])
  return slug ? problem(c, slug, {}, headersOf(error)) : error.getResponse()
}

const OF_STATUS: Readonly<Record<number, Slug>> = { 401: 'unauthenticated', 403: 'forbidden', 413: 'payload-too-large' }
/** A user may write the answers of these statuses. Without a body they are problems, too. */
const WITHOUT_BODY: Readonly<Record<number, Slug>> = { 429: 'too-many-requests', 503: 'unavailable' }

/** The headers of an error, such as `WWW-Authenticate` and `Retry-After`, without those of its body. */
function headersOf({ res }: HTTPException): Record<string, string> {
  return Object.fromEntries([...(res?.headers ?? [])].filter(([name]) => !name.startsWith('content-')))
}

/** GET /problems/{slug}: the page behind the `type` of a problem. */
export function problemPage(c: Context): Response | Promise<Response> {
  const slug = c.req.param('slug') ?? ''
  if (!Object.hasOwn(problems, slug)) return problem(c, 'not-found')
  const { status, title, fix } = problems[slug as Slug]
  return c.json({ type: problemType(slug, baseOf(c)), status, title, fix }, 200, { 'Cache-Control': 'public, max-age=86400' })
}
