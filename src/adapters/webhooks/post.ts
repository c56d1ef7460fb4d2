// Makes one attempt at an endpoint, and interprets its answer.
import { Busy } from '../delivery/breaker.ts'

export type PostRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

/** The endpoint has answered, but not accepted this message: 500, 400 and the like. Another attempt may succeed. */
export class NotAccepted extends Error {
  override readonly name = 'NotAccepted'
}

/** The endpoint has answered 410: it wants no more messages. */
export class Gone extends Error {
  override readonly name = 'Gone'
}

/**
 * Posts a message. Resolves if the answer is 2xx. Rejects with NotAccepted or Gone; with Busy if the endpoint tells
 * when to try again; with any other error if the endpoint is unavailable: no connection, no answer in time, or the
 * status of a server in front of it (408, 425, 429, 502 to 504).
 * Redirects are not followed, because nobody agreed on their target.
 */
export async function post({ url, headers, body, deadlineMs, signal }: PostRequest, now: () => number): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body,
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
  })
  const { status } = response
  if (response.ok) return await response.body?.cancel()
  const text = await beginning(response)
  const message = `${new URL(url).host} was expected to answer 2xx, found ${status}${text ? `: ${text}` : ''}`
  if (status === GONE) throw new Gone(message)
  const retryAfterMs = retryAfter(response.headers.get('retry-after'), now())
  if (AWAY.has(status)) throw retryAfterMs === null ? new Error(message) : new Busy(message, retryAfterMs)
  throw new NotAccepted(message)
}

/** Reads `Retry-After` as ms from now: seconds, or a date. Null if there is none, or if it cannot be read. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null
  if (/^\s*\d{1,10}\s*$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}

/** Reads the first characters of an answer of any length. */
async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (!reader) return ''
  const { value } = await reader.read()
  await reader.cancel()
  return value ? new TextDecoder().decode(value.subarray(0, TEXT_BYTES_MAX)).trim() : ''
}

const GONE = 410
const AWAY = new Set([408, 425, 429, 502, 503, 504])
const TEXT_BYTES_MAX = 200
