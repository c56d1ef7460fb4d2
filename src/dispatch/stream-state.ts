// Folds the result of a load: from a snapshot, over the events after it, with a check for damage.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { fold, type Folded } from '../definitions/decider/fold.ts'
import { freeze } from '../definitions/event/payload.ts'
import { DamagedStream } from '../ports/store/sequence.ts'
import { LOAD_FACTS_MAX, type LoadedStream } from '../ports/store/load.ts'

/** A folded state, the position of its last event, and the length of the payloads folded into it, in characters. */
export type StreamState = Folded & { readonly position: number; readonly size: number }

/** The state of a stream without events. */
export function emptyState(decider: DeciderSpec): StreamState {
  return { state: decider.initial, version: 0, position: 0, size: 0 }
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
  if (facts.length < LOAD_FACTS_MAX && end < version) throw new DamagedStream({ stream, version, position }, end)
  const folded = fold(decider, stream, from, facts)
  return { ...folded, position: more ? from.position : position, size: from.size + size }
}
