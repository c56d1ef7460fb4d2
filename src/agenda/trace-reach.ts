// How far a trace goes: a command that follows from an event continues its trace while that is young and short. Else it
// begins a trace of its own, with a link, so that no trace grows for days.
import type { EntryMeta } from '../definitions/process/instance.ts'

/** The age at which an event's trace is over, in ms. */
export const TRACE_MS_MAX = 60_000
/** How many commands a trace goes through, one after the other. */
export const HOPS_MAX = 32

type Cause = Pick<EntryMeta, 'causation' | 'hops'>

/**
 * Whether a command continues the trace of what led to it: at its first attempt, when its cause is young, and when few
 * commands came before. The age of a cause is that of its id, a UUID of version 7; another id tells no age, and ends
 * the trace.
 */
export function continuesTrace({ causation, hops = 0 }: Cause, attempt: number, now: number): boolean {
  const at = timeOfId(causation)
  return attempt <= 1 && hops < HOPS_MAX && at !== null && now - at < TRACE_MS_MAX
}

/** When a UUID of version 7 was made, in ms since 1970; null: it is none. */
function timeOfId(id: string): number | null {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null
}
