// Every error that a client can meet, as RFC 9457 problem documents; `type` is a page that the app serves.
import type { Context } from 'hono'
import type { HTTPException } from 'hono/http-exception'
import type { Invalid } from '../src/dispatch/outcome.ts'

type Entry = { readonly status: number; readonly title: string; readonly mend: string }

export type Slug =
  | 'malformed-json'
  | 'validation-failed'
  | 'bad-header'
  | 'unauthenticated'
  | 'forbidden'
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
  | 'unsupported-media-type'
  | 'command-rejected'
  | 'idempotency-key-reused'
  | 'internal'
  | 'stream-unreadable'
  | 'unavailable'
  | 'outcome-unknown'
  | 'not-ready'
  | 'behind'
  | 'parked'
  | 'storage-full'

/** The catalogue. A slug is stable; its texts may improve. */
export const problems: Readonly<Record<Slug, Entry>> = {
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    mend: 'Send UTF-8 encoded JSON; `detail` says what is wrong with it.',
  },
  'validation-failed': {
    status: 400,
    title: 'The input does not fit its schema',
    mend: 'Each of `errors` has a JSON pointer to a value and what was expected there.',
  },
  'bad-header': { status: 400, title: 'A header cannot be read', mend: '`detail` names the header and the form it takes.' },
  unauthenticated: { status: 401, title: 'Who are you?', mend: 'Send the credentials that the app asks for.' },
  forbidden: {
    status: 403,
    title: 'Not open to you',
    mend: 'In production this is closed unless the app has a guard or ADMIN_TOKEN is set.',
  },
  'not-found': { status: 404, title: 'There is nothing here', mend: 'Look at /openapi.json for what there is.' },
  'stream-not-found': { status: 404, title: 'The stream has no events', mend: 'Check the category and the id.' },
  'row-not-found': { status: 404, title: 'There is no such row', mend: 'Check the key, or ask by Min-Position for newer rows.' },
  'command-not-found': {
    status: 404,
    title: 'No such command was taken to be sent later',
    mend: 'It is kept for 24 hours after its end; check the id, which the header Location has.',
  },
  'command-begun': {
    status: 409,
    title: 'The command is no longer pending',
    mend: 'It is being sent, or has been: GET tells what became of it.',
  },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here', mend: 'The header Allow names those that are.' },
  'version-conflict': {
    status: 409,
    title: 'Others wrote to the stream first',
    mend: 'Read it again and decide whether the command still makes sense.',
  },
  'unknown-position': {
    status: 409,
    title: 'The log was never at this position',
    mend: 'It is of a log that was restored to an earlier time since, or of another one: read again what you have, from the start.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The stream is not at the version you named',
    mend: 'The header ETag has its version; read it again.',
  },
  'payload-too-large': { status: 413, title: 'The body is too large', mend: 'Send less at once.' },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not declared as JSON',
    mend: 'Send Content-Type: application/json.',
  },
  'command-rejected': { status: 422, title: 'The command was refused', mend: '`code` says why; `data` says more.' },
  'idempotency-key-reused': {
    status: 422,
    title: 'The key was used for another command',
    mend: 'Use a new key for each command, the same one only to say the same again.',
  },
  internal: { status: 500, title: 'Something broke on our side', mend: 'Tell the operators the request id.' },
  'stream-unreadable': {
    status: 503,
    title: 'This release cannot read the stream',
    mend: 'It has an event that a newer release wrote; try again later.',
  },
  unavailable: { status: 503, title: 'Not now', mend: 'Nothing was appended. Try again after the time in Retry-After.' },
  'outcome-unknown': {
    status: 503,
    title: 'It may or may not have been appended',
    mend: 'Say the same again with the same Idempotency-Key.',
  },
  'not-ready': { status: 503, title: 'Not ready to serve', mend: 'Try again after the time in Retry-After.' },
  behind: {
    status: 503,
    title: 'The rows are not as new as you ask for',
    mend: 'Try again after the time in Retry-After, or wait longer by Prefer: wait.',
  },
  parked: {
    status: 503,
    title: 'What you ask for has stopped at an event that it cannot take',
    mend: 'Without Min-Position you get kept rows as they were before. Operators mend the projection and unpark it.',
  },
  'storage-full': {
    status: 507,
    title: 'There is no room left',
    mend: 'Nothing was appended. Try again when there is room on the disk.',
  },
}

export type Extension = { readonly detail?: string; readonly [member: string]: unknown }

/** A problem document. What it says of the request is data; what an exception said never gets here. */
export function problem(
  c: Context,
  slug: Slug,
  extension: Extension = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status } = problems[slug]
  const body = problemOf(slug, extension, c.req.path)
  // A Response of our own has a status that TypeScript's narrow union of Hono does not know of.
  return c.newResponse(JSON.stringify(body), status as 500, {
    'Content-Type': 'application/problem+json',
    'Content-Language': 'en',
    'Cache-Control': 'no-store',
    ...headers,
  })
}

/** A problem as a document, for where there is no response to put it in. */
export function problemOf(slug: Slug, extension: Extension, instance: string): object {
  const { status, title } = problems[slug]
  return { type: `/problems/${slug}`, title, status, ...extension, instance }
}

/** A place in a document, as a JSON pointer in the form of a URI's fragment (RFC 6901): `#/items/0/qty`. */
export function pointer(path: readonly PropertyKey[]): string {
  const step = (key: PropertyKey) => encodeURIComponent(String(key).replaceAll('~', '~0').replaceAll('/', '~1'))
  return `#${path.map(key => `/${step(key)}`).join('')}`
}

/** What is wrong with a command, by the places in its body. */
export function errorsOf({ issues }: Invalid): {
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]
} {
  return { errors: issues.map(({ path, message }) => ({ pointer: `#${path}`, detail: message })) }
}

/** An error that Hono or a middleware of it threw, as a problem: its status says which. Any other is answered as whoever threw it says. */
export function problemOfException(c: Context, error: HTTPException): Response {
  const challenge = error.res?.headers.get('WWW-Authenticate')
  if (error.status === 400 && challenge)
    return problem(c, 'bad-header', { detail: 'Authorization takes Bearer and a token' }, { 'WWW-Authenticate': challenge })
  const slug = OF_STATUS[error.status]
  return slug ? problem(c, slug, {}, challenge ? { 'WWW-Authenticate': challenge } : {}) : error.getResponse()
}
const OF_STATUS: Readonly<Record<number, Slug>> = { 401: 'unauthenticated', 403: 'forbidden', 413: 'payload-too-large' }

/** The page that a problem's `type` leads to. */
export function problemPage(c: Context): Response | Promise<Response> {
  const slug = c.req.param('slug') ?? ''
  if (!Object.hasOwn(problems, slug)) return problem(c, 'not-found')
  const { status, title, mend } = problems[slug as Slug]
  return c.json({ type: `/problems/${slug}`, status, title, mend }, 200, { 'Cache-Control': 'public, max-age=86400' })
}
