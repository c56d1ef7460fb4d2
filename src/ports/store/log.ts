// The part of a store that the paths need: appends, and reads of events.
import type { StoredEvent } from './event.ts'
import type { LoadedStream, LoadRequest } from './load.ts'
import type { StoredKey, Unit, UnitOutcome } from './unit.ts'

/**
 * All promises about events are made here. So no store may simplify these calls, and contract.ts tests each of them.
 */
export interface Log {
  /**
   * Appends each unit whole or not at all, in their order. Gives one outcome for each.
   *
   * ORDER: a reader that has passed a position never finds a later event at or below it, whoever writes.
   * Expectations and keys are checked where nobody else can write in between. A unit that is answered is durable.
   */
  append(units: readonly Unit[], options?: { readonly signal?: AbortSignal }): Promise<readonly UnitOutcome[]>
  /** Reads facts of several streams, and keys, in one statement. */
  load(
    requests: readonly LoadRequest[],
    keys: readonly string[],
  ): Promise<{ readonly streams: readonly LoadedStream[]; readonly keys: readonly StoredKey[] }>
  /** One page of a stream: oldest first or newest first, bounded in number and size. Its cost does not depend on the rest of the log. */
  read(stream: string, options: ReadOptions): Promise<readonly StoredEvent[]>
  /**
   * Gives one page of the log: events after a position, oldest first, bounded in number and size. With a `filter`, only
   * events of its types.
   */
  readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]>
  /**
   * Gives one page of the streams that have events, by name in the order of code points. Its cost depends on the page,
   * not on the number of streams.
   */
  streams(options: StreamsOptions): Promise<readonly StreamHead[]>
  /**
   * Gives the types of some events, in the order of the places, of which there are at most TYPES_AT_MAX. Null: there is
   * no such event. Each is found by its stream and version, and nothing else is read.
   */
  typesAt(places: readonly StreamPlace[]): Promise<readonly (string | null)[]>
  /** The position of the last event, 0 in an empty log. */
  head(): Promise<number>
}

/** An event of a stream, by its version. */
export type StreamPlace = { readonly stream: string; readonly version: number }
/** The most places of one call. */
export const TYPES_AT_MAX = 1_000

/** A log with the name of its database system, for traces. */
export type TracedLog = Log & { readonly system: string }

/**
 * Selects events of the log. With `until`, none above it: a read with few matches then still ends soon. With `sizeMax`,
 * a page ends with the event at which its payloads reach that many bytes of UTF-8. So a page is larger by less than
 * that event, and is never empty because of it.
 */
export type ReadAllOptions = {
  readonly after: number
  readonly limit: number
  readonly sizeMax?: number
  readonly until?: number
  readonly filter?: Filter
}
/**
 * Selects events of a stream: those after a version, and none above `until`, bounded as in `ReadAllOptions`. With
 * `types`, only events of these types. With `backwards`, the newest come first.
 */
export type ReadOptions = Omit<ReadAllOptions, 'filter'> & {
  readonly types?: readonly string[]
  readonly backwards?: boolean
}
/** Types by category; null: all types of the category. */
export type Filter = ReadonlyMap<string, readonly string[] | null>

/**
 * Selects streams: those with names after `after` (the empty name is before all), and of one category if it is given.
 */
export type StreamsOptions = { readonly after: string; readonly limit: number; readonly category?: string }
/** A stream in a list: its version, and the position and the time of its last event. */
export type StreamHead = { readonly stream: string; readonly version: number; readonly position: number; readonly at: string }
