// How the state of a stream is loaded: a snapshot, and the facts behind it.
import type { StoredFact } from '../../definitions/event/read.ts'

/** Which facts to read: those after a version, from a snapshot of this schema version where there is a newer one. */
export type LoadRequest = { readonly stream: string; readonly after: number; readonly snapshot?: number | undefined }

/** A stream as far as one statement read it. */
export type LoadedStream = {
  readonly snapshot: Snapshot | null
  readonly facts: readonly StoredFact[]
  /** The stream's version at the time of reading, and the position of that event. With `more`, facts end before it. */
  readonly version: number
  readonly position: number
  readonly more: boolean
  /** The length of the payloads read, in characters. */
  readonly size: number
}
export type Snapshot = { readonly version: number; readonly state: unknown }
export type NewSnapshot = { readonly stream: string; readonly schema: number; readonly version: number; readonly state: string }

/** The most facts of one stream that one load reads. */
export const LOAD_FACTS_MAX = 5_000
