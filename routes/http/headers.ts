// Request headers of commands: conditions, keys, preferences, and the cause of a command.
import type { Context } from 'hono'
import { NAME_LENGTH_MAX, nameProblem } from '../../src/definitions/event/names.ts'
import type { Precondition } from '../../src/dispatch/outcome.ts'
import { entityTagsIn } from './etag.ts'
import { problem } from './problem.ts'

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/**
 * The expectation of a command. `If-Match: "17"` expects version 17, and `"17", "18"` one of them; `W/"17"` expects 17
 * too, because a compressing proxy makes it so. `If-Match: *`: the stream exists. `If-None-Match: *`: it does not exist.
 * A tag that is no version of ours never matches. A Response refuses the header.
 */
export function expectationOf(c: Context): Precondition | null | Response {
  const match = c.req.header('if-match')
  if (match !== undefined) return match.trim() === '*' ? 'exists' : versionsOf(c, match)
  const none = c.req.header('if-none-match')
  if (none === undefined) return null
  return none.trim() === '*'
    ? 0
    : problem(c, 'bad-header', { detail: 'If-None-Match takes * on a command: the stream must not exist' })
}

function versionsOf(c: Context, header: string): number | readonly number[] | Response {
  const tags = entityTagsIn(header)
  if (!tags) return problem(c, 'bad-header', { detail: 'If-Match takes versions as ETags, such as "17" or "17", "18", or *' })
  const versions = tags.filter(tag => /^(0|[1-9][0-9]{0,15})$/.test(tag)).map(Number)
  const [first, ...others] = versions.filter(Number.isSafeInteger)
  return first === undefined ? [] : others.length === 0 ? first : [first, ...others]
}

/** The Idempotency-Key; null: there is none. A Response refuses the header. */
export function keyOf(c: Context): string | null | Response {
  const header = c.req.header('idempotency-key')
  return header === undefined ? null : nameIn(c, 'Idempotency-Key', header)
}

/**
 * The one name that a header holds, in printable ASCII: a structured string ("…"), or bare text without a quote and a
 * comma. Two headers come as one, with a comma between them. A Response refuses the header.
 */
function nameIn(c: Context, header: string, value: string): string | Response {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value)
  if (!quoted && /[",]/.test(value)) return refuseName(c, header)
  const name = quoted ? quoted[1]!.replaceAll(/\\(["\\])/g, '$1') : value
  return nameProblem(header, name) === null && /^[\x20-\x7e]+$/.test(name) ? name : refuseName(c, header)
}

function refuseName(c: Context, header: string): Response {
  const detail = `${header} takes 1 to ${NAME_LENGTH_MAX} printable ASCII characters, a comma only in quotes, and neither . nor ..`
  return problem(c, 'bad-header', { detail })
}

/** Whether the client prefers something (RFC 7240), such as `return=representation`. */
export function prefers(c: Context, preference: string): boolean {
  return (
    c.req
      .header('prefer')
      ?.split(/[,;]/)
      .some(one => one.replaceAll(/[\s"]/g, '').toLowerCase() === preference) ?? false
  )
}

export type Origin = { readonly correlation: string; readonly causation: string } & TraceHeaders
type TraceHeaders = { readonly traceparent?: string; readonly baggage?: string }

/**
 * The ids that tie events to their cause. They come with the request; default: the id of the request. A Response
 * refuses a header.
 */
export function originOf(c: Context): Origin | Response {
  const correlation = causeIn(c, 'X-Correlation-Id')
  if (correlation instanceof Response) return correlation
  const causation = causeIn(c, 'X-Causation-Id')
  return causation instanceof Response ? causation : { correlation, causation, ...traceOf(c) }
}

function causeIn(c: Context, header: string): string | Response {
  const value = c.req.header(header)
  return value ? nameIn(c, header, value) : c.get('requestId')
}

/** The trace and the baggage of a request. W3C asks to pass over a header that is malformed. */
export function traceOf(c: Context): TraceHeaders {
  const baggage = c.req.header('baggage')
  const traceparent = c.req.header('traceparent')
  return { ...(traceparent && TRACEPARENT.test(traceparent) && { traceparent }), ...(baggage && { baggage }) }
}

/** Whether a request names two hosts: Bun joins headers of one name, and a proxy may have seen only one of them. */
export function hasSecondHost(c: Context): boolean {
  return c.req.header('host')?.includes(',') ?? false
}
