// The trace and the baggage of an event as headers of its message, so that a receiver continues it.
import type { CloudEvent } from '../../definitions/event/cloud-event.ts'

/** How old an event may be whose trace a receiver continues, in ms. */
const CONTINUED_MS_MAX = 50_000

/**
 * The headers by which a receiver continues the trace of a young event, with its baggage. An event that is sent late, or again after an
 * outage, has none: its trace is over. The CloudEvent itself says `traceparent` at any age, for a link. `now` is in ms
 * since 1970.
 */
export function traceHeaders(
  { attributes, baggage }: CloudEvent,
  now: number,
): { readonly traceparent?: string; readonly baggage?: string } {
  const { traceparent, time } = attributes
  const isYoung = now - Date.parse(String(time)) < CONTINUED_MS_MAX
  if (!isYoung) return {}
  return { ...(typeof traceparent === 'string' && { traceparent }), ...(baggage !== undefined && { baggage }) }
}
