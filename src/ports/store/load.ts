// The data for the state of a stream: a snapshot, and the facts after it.
import type { StoredFact } from '../../definitions/event/read.ts'

/**
 * Asks for the facts after a version. `snapshot` asks for a newer snapshot of that schema version, if there is one, and
 * the facts after it.
 */
export type LoadRequest = { readonly stream: string; readonly after: number; readonly snapshot?: number | undefined }

/** A stream as one statement read it. */
export type LoadedStream = {
  readonly snapshot: Snapshot | null
  readonly facts: readonly StoredFact[]
  /**
   * The stream's version at the time of the read, and the position of that event. With `more`, the facts end before it.
   */
  readonly version: number
  readonly position: number
  readonly more: boolean
  /** The length of the payloads, in characters. */
  readonly size: number
}
export type Snapshot = { readonly version: number; readonly state: unknown }
export type NewSnapshot = { readonly stream: string; readonly schema: number; readonly version: number; readonly state: string }

/** The most facts of one stream that one load reads. */
export const LOAD_FACTS_MAX = 5_000
