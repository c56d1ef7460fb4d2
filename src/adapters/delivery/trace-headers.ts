// The trace and the baggage of an event as headers of its message, so that a receiver continues it.
import type { CloudEvent } from '../../definitions/event/cloud-event.ts'

export type TraceHeaders = { readonly traceparent?: string; readonly baggage?: string }

/** How old an event may be whose trace a receiver continues, in ms. */
const CONTINUED_MS_MAX = 50_000

/**
 * The headers by which a receiver continues the trace of a young event, with its baggage. An event that is sent late, or again after an
 * outage, has none: its trace is over. The CloudEvent itself says `traceparent` at any age, for a link. `now` is in ms
 * since 1970.
 */
export function traceHeaders({ attributes, baggage }: CloudEvent, now: number): TraceHeaders {
  const { traceparent, time } = attributes
  const isYoung = now - Date.parse(String(time)) < CONTINUED_MS_MAX
  if (!isYoung) return {}
  return { ...(typeof traceparent === 'string' && { traceparent }), ...(baggage !== undefined && { baggage }) }
}

/** The headers without the baggage; without that, none. Null: there were none. */
export function lessHeaders({ baggage, ...trace }: TraceHeaders): TraceHeaders | null {
  if (baggage !== undefined) return trace
  return trace.traceparent === undefined ? null : {}
}

/** Sends a message with its headers. While the receiver says that it is too large, it is sent again with fewer of them. */
export async function sendFitted<T>(
  headers: TraceHeaders,
  send: (headers: TraceHeaders) => Promise<T>,
  isTooLarge: (error: unknown) => boolean,
): Promise<T> {
  try {
    return await send(headers)
  } catch (error) {
    const fewer = lessHeaders(headers)
    if (fewer === null || !isTooLarge(error)) throw error
    return sendFitted(fewer, send, isTooLarge)
  }
}
