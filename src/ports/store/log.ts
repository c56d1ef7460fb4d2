// The part of a store that the paths run on: what is appended, and what is read of it.
import type { StoredEvent } from './event.ts'
import type { LoadedStream, LoadRequest } from './load.ts'
import type { StoredKey, Unit, UnitOutcome } from './unit.ts'

/** Every promise about events is kept here: no call may be left simple, and every call is tested by contract.ts. */
export interface Log {
  /**
   * Appends each unit whole or not at all, in the order given, with one outcome for each.
   *
   * ORDER: a reader that has passed a position never later finds an event at or below it, whoever writes.
   * Expectations and keys are checked where nobody else can write in between. What is answered is durable.
   */
  append(units: readonly Unit[], options?: { readonly signal?: AbortSignal }): Promise<readonly UnitOutcome[]>
  /** Reads facts of several streams, and keys, in one statement. */
  load(
    requests: readonly LoadRequest[],
    keys: readonly string[],
  ): Promise<{ readonly streams: readonly LoadedStream[]; readonly keys: readonly StoredKey[] }>
  /** One page of a stream: events after a version, oldest first, bounded in number and size. */
  read(stream: string, options: ReadOptions): Promise<readonly StoredEvent[]>
  /** One page of the log: events after a position, oldest first, bounded in number and size, of certain types only where `filter` names them. */
  readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]>
  /** One page of the streams that have events, by name in the order of code points; its cost is that of the page, however many there are. */
  streams(options: StreamsOptions): Promise<readonly StreamHead[]>
  /** The position of the last event, 0 in an empty log. */
  head(): Promise<number>
}

/**
 * Which events of the log to read. With `until`, none above it: a filter that matches little then still ends soon. With `sizeMax`, a page
 * ends with the event with which its payloads come to so many bytes of UTF-8: it is larger by less than that event, and never empty for it.
 */
export type ReadAllOptions = {
  readonly after: number
  readonly limit: number
  readonly sizeMax?: number
  readonly until?: number
  readonly filter?: Filter
}
/** Which events of a stream to read, those after a version; bounded as `ReadAllOptions` are. */
export type ReadOptions = Pick<ReadAllOptions, 'after' | 'limit' | 'sizeMax'>
/** Types by category; null: all types of the category. */
export type Filter = ReadonlyMap<string, readonly string[] | null>

/** Which streams to list: those behind a name (the empty one is before all), of one category where it is named. */
export type StreamsOptions = { readonly after: string; readonly limit: number; readonly category?: string }
/** A stream as a list shows it: its version, and the position and the time of its last event. */
export type StreamHead = { readonly stream: string; readonly version: number; readonly position: number; readonly at: string }
