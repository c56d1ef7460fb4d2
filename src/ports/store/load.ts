// The data for the state of a stream: a snapshot, and the facts after it.
import type { StoredFact } from '../../definitions/event/read.ts'

/**
 * Asks for the facts after a version. `snapshot` asks for a newer snapshot of that fold, if there is one, and the facts
 * after it. `meta` asks for the metadata of the facts. Default: they come without.
 */
export type LoadRequest = {
  readonly stream: string
  readonly after: number
  readonly snapshot?: number | undefined
  readonly meta?: boolean
}

/** A stream as one statement read it. */
export type LoadedStream = {
  readonly snapshot: Snapshot | null
  readonly facts: readonly StoredFact[]
  /**
   * The stream's version at the time of the read, and the position of that event. With `more`, the load was full, and
   * its facts end before it.
   */
  readonly version: number
  readonly position: number
  readonly more: boolean
  /** The length of the payloads, in characters. */
  readonly size: number
}
export type Snapshot = { readonly version: number; readonly state: unknown }
/** `fold`: a number for what folded the state, from 0 to 2^31 - 1. */
export type NewSnapshot = { readonly stream: string; readonly fold: number; readonly version: number; readonly state: string }

/** The most facts of one stream that one load reads, and how many it reads of each however many streams it has. */
export const LOAD_FACTS_MAX = 2_000
const LOAD_FACTS_MIN = 16

/** The most facts of each stream in a load of so many. Together they are folded in a turn of the event loop or two. */
export function factsMaxOf(streams: number): number {
  return Math.max(LOAD_FACTS_MIN, Math.floor(LOAD_FACTS_MAX / Math.max(1, streams)))
}
