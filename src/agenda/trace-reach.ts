// How far a trace goes: a command that follows from an event continues its trace while that is young and short. Else it
// begins a trace of its own, with a link, so that no trace grows for days.
import { LRUCache } from 'lru-cache'
import type { EntryMeta } from '../definitions/process/instance.ts'

/** The age at which a trace is over, in ms: with the last command it is not longer than a minute. */
export const TRACE_MS_MAX = 50_000
/** How many commands a trace goes through, one after the other. */
export const HOPS_MAX = 32

/** How many commands of processes and processors a trace has in one process. Each has about nine spans. */
export const COMMANDS_MAX = 200
/** Of how many traces it is remembered how long they are. */
const TRACES_MAX = 10_000

type Cause = Pick<EntryMeta, 'causation' | 'hops' | 'traceparent'>

/** Remembers how long each trace is, since a trace that branches at each event is short in depth and endless in breadth. */
export class TraceReach {
  readonly #traces = new LRUCache<string, { readonly since: number; commands: number }>({ max: TRACES_MAX })

  /** Whether a command continues the trace of what led to it. It is counted if it does. */
  continues(cause: Cause, attempt: number, now: number): boolean {
    if (!continuesTrace(cause, attempt, now)) return false
    const id = sampledTraceOf(cause.traceparent)
    if (id === null) return true
    const trace = this.#traces.get(id) ?? { since: timeOfId(cause.causation) ?? now, commands: 0 }
    if (now - trace.since >= TRACE_MS_MAX || trace.commands >= COMMANDS_MAX) return false
    trace.commands++
    this.#traces.set(id, trace)
    return true
  }
}

/** The id of a trace that is recorded; null: nobody sees it. */
function sampledTraceOf(traceparent: string | undefined): string | null {
  return traceparent?.endsWith('-01') ? traceparent.slice(3, 35) : null
}

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
