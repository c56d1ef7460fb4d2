// An append without a decision: slices of events, whole or not at all.
import { checked, type Event, type Meta } from '../event/events.ts'
import type { DeciderSpec } from '../decider/decider.ts'
import type { Expectation, Landed, NewKey, Slice, UnitOutcome } from '../store/store.ts'
import type { TraceContext } from '../trace/trace.ts'
import { isForNow, outcomeOfError, unavailable } from './desk.ts'
import type { Draft, Work } from './lane.ts'
import { KEY_KEEP_MS, newEvent } from './member.ts'
import type { Unavailable, Unknown } from './outcome.ts'
import type { Written } from './pages.ts'

/** Events for one stream, and what has to be true of it. */
export type AppendSlice = { readonly stream: string; readonly expect: Expectation; readonly events: readonly Event[] }

/** What an append came to. */
export type AppendOutcome =
  | { readonly outcome: 'appended'; readonly slices: readonly (Landed & { readonly stream: string })[] }
  | {
      readonly outcome: 'conflict'
      readonly conflicts: readonly { readonly stream: string; readonly expected: Expectation; readonly actual: number }[]
    }
  /** Its key was used before: it was appended then. */
  | { readonly outcome: 'duplicate' }
  | Unavailable
  | Unknown

export type RequestOptions = {
  readonly until: number
  readonly signal: AbortSignal | null
  readonly parent: TraceContext | null
  readonly meta: Omit<Meta, 'schema'>
  readonly key: string | null
  /** Told what each stream got. */
  readonly committed: (written: Written) => void
}

/** A request as the lane takes it. */
export function request(
  slices: readonly AppendSlice[],
  family: (event: Event) => DeciderSpec['events'],
  { until, signal, parent, meta, key, committed }: RequestOptions,
  done: (outcome: AppendOutcome) => void,
  fail: (error: unknown) => void,
): Work {
  const text = JSON.stringify(meta)
  const ready: Slice[] = slices.map(({ stream, expect, events }) => ({
    stream,
    expect,
    events: events.map(event => newEvent(family(event), checked(family(event), event), text)),
  }))
  const streams = ready.map(({ stream }) => stream)
  const draft: Draft = {
    unit: { slices: ready, keys: key === null ? [] : [keyOf(key, streams[0]!)] },
    size: ready.reduce((sum, { events }) => events.reduce((sum, { data, meta }) => sum + data.length + meta.length, sum), 0),
    again: key !== null || slices.every(({ expect }) => typeof expect === 'number'),
    until,
    parents: [parent],
    landed: outcome => {
      done(answered(streams, outcome))
      if (outcome.outcome !== 'appended') return
      const { slices: landed, at } = outcome
      ready.forEach(({ stream, events }, i) => void committed({ stream, events, landed: landed[i]!, at, parents: [parent] }))
    },
    lost: error => (isForNow(error) ? done(outcomeOfError(error)) : fail(error)),
  }
  let over = false
  const sweep = (now: number) => {
    if (over || (until > now && !signal?.aborted)) return
    over = true
    done(unavailable)
  }
  return {
    streams,
    alone: false,
    sweep,
    draft: () => {
      sweep(performance.now())
      return over ? null : draft
    },
  }
}

/** It names no events: where a stream is at any version, which those are is only known afterwards. */
function keyOf(key: string, stream: string): NewKey {
  return { key, fingerprint: '', stream, version: 0, count: 0, rejection: null, keepMs: KEY_KEEP_MS }
}

function answered(streams: readonly string[], outcome: UnitOutcome): AppendOutcome {
  switch (outcome.outcome) {
    case 'appended':
      return { outcome: 'appended', slices: outcome.slices.map((landed, i) => ({ ...landed, stream: streams[i]! })) }
    case 'conflict':
      return {
        outcome: 'conflict',
        conflicts: outcome.conflicts.map(({ stream, expected, actual }) => ({ stream, expected, actual })),
      }
    case 'duplicate':
      return { outcome: 'duplicate' }
  }
}
