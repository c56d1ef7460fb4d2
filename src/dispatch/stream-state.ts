// Folds the result of a load: from a snapshot, over the events after it, with a check for damage.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { fold, type Folded } from '../definitions/decider/fold.ts'
import { freeze } from '../definitions/event/payload.ts'
import { DamagedStream } from '../ports/store/sequence.ts'
import type { LoadedStream } from '../ports/store/load.ts'

/** After so much more payload, a state is measured, in characters. */
const MEASURE_EVERY = 65_536

/** A folded state, the position of its last event, and a bound of its length as JSON, in characters. */
export type StreamState = Folded & { readonly position: number; readonly size: number }

/** The state of a stream without events. */
export function emptyState(decider: DeciderSpec): StreamState {
  return { state: decider.initial, version: 0, position: 0, size: 0 }
}

/**
 * Bounds the length of a state by that of the payloads folded into it. A fold most often keeps less than it was given,
 * so that a long stream is measured from time to time. The measure is rounded up, or else it might be due at each event.
 */
export function boundSize(state: unknown, before: number, added: number): number {
  const size = before + added
  if (Math.floor(before / MEASURE_EVERY) === Math.floor(size / MEASURE_EVERY)) return size
  return Math.min(size, Math.ceil(lengthOf(state) / MEASURE_EVERY) * MEASURE_EVERY)
}

/** The length of a state as JSON. A state that JSON refuses may be of any length. */
function lengthOf(state: unknown): number {
  try {
    return JSON.stringify(state)?.length ?? 0
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/**
 * Folds a load over the known state, or over the load's snapshot. Throws DamagedStream if events are missing, and
 * UnreadableEvent if this release cannot read one. With `loaded.more` the result ends before the stream does.
 */
export function foldLoaded(decider: DeciderSpec, stream: string, known: StreamState | null, loaded: LoadedStream): StreamState {
  const { snapshot, facts, version, position, more, size } = loaded
  const from = snapshot
    ? { state: freeze(snapshot.state), version: snapshot.version, position: 0, size: 0 }
    : (known ?? emptyState(decider))
  const end = from.version + facts.length
  // A load that is not full reaches the end of its stream.
  if (!more && end < version) throw new DamagedStream({ stream, version, position }, end)
  const folded = fold(decider, stream, from, facts)
  return { ...folded, position: more ? from.position : position, size: boundSize(folded.state, from.size, size) }
}
