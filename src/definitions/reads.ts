// What code reads, typed by the definitions: rows, answers to queries, and states.
import type { DeciderSpec } from './decider/decider.ts'
import type { AnyEvents, Recorded, spec } from './event/events.ts'
import type { In } from './event/families.ts'
import type { Projection } from './projection/projection.ts'
import type { ListBy, Query, RowWhere } from './query.ts'

/**
 * How new an answer has to be. It includes everything up to the position `atLeast`, and the read waits up to `waitMs`
 * ms for that. `complete`: an answer that lacks a parked event is refused. Default: it is given without the parked rows.
 */
export type MinPosition = { readonly atLeast: number; readonly waitMs: number; readonly complete?: boolean }

/** A state with its version, and the position of its last event. */
export type StateAt<State = unknown> = { readonly state: State; readonly version: number; readonly position: number }

/** Chooses a state by version, by time, or by both. Default: the present one. */
export type StateMoment = { readonly version?: number; readonly at?: Date }

/** The rows of a list: which, in what order, and which page. */
export type RowList<Row, I extends string> = ListBy<Row, I> & {
  /** The rows to list, by their indexes. Default: all. */
  readonly where?: RowWhere<Row, I>
  /** Begins where the page before ended: its `next`. Default: with the first row. */
  readonly cursor?: string
  /** Whether to count all rows that match, on all pages. Default: false. */
  readonly count?: boolean
}

/** A page of a list. */
export type RowsPage<Row> = {
  readonly items: readonly (Row & { readonly key: string })[]
  /** `cursor` of the next page; null: this is the last. */
  readonly next: string | null
  /** How many rows match, on all pages. Only with `count`. */
  readonly count?: number
  /** Rows may be missing, because they have stopped at an event that could not be folded. */
  readonly parked?: true
  /** The rows are of an older version and are no longer updated, while a newer version is made. */
  readonly frozen?: true
  /** The position in the log that the rows include. Rows may be newer, never older. */
  readonly position: number
}

/** Which events of a stream, and from which end. */
export type EventList<T extends string> = {
  /** Only events of these types. Default: all. */
  readonly types?: readonly T[]
  /** Whether the newest come first. Default: false. */
  readonly backwards?: boolean
  /** Only events after this version. Default: 0. */
  readonly after?: number
  /** Only events up to this version. Default: the stream's last. */
  readonly until?: number
  /** The most events. Default: all. */
  readonly limit?: number
}

/** Reads in code. The answers are those of HTTP. */
export type Reads = {
  /**
   * Gets the row of a key. Null: there is none. With `atLeast` the row includes everything up to that position, for
   * example the position of an accepted command. It waits for that up to `waitMs` (1 000 by default), and then rejects
   * with StaleRead. A row that is parked at or before `atLeast` is rejected at once; with `complete` every row that may
   * lack a parked event is.
   */
  readonly row: <N extends string, Row, I extends string>(
    projection: Projection<N, Row, I>,
    key: string,
    min?: Partial<MinPosition>,
  ) => Promise<(Row & { readonly key: string }) | null>
  /**
   * Gives a page of rows by their indexes. `min` and StaleRead are as for `row`, but that parked rows are left out, and
   * only `complete` refuses such a page. Rejects with a RangeError for a field that the rows have no index for, and for
   * a wrong value, limit or cursor.
   */
  readonly rows: <N extends string, Row, I extends string>(
    projection: Projection<N, Row, I>,
    list?: RowList<NoInfer<Row>, NoInfer<I>>,
    min?: Partial<MinPosition>,
  ) => Promise<RowsPage<Row>>
  /**
   * Answers a query, as its JSON gives it back, from the cache if the query's policy allows it. `min` and StaleRead are
   * as for `rows`.
   */
  readonly query: <N extends string, P, A>(query: Query<N, P, A>, params: P, min?: Partial<MinPosition>) => Promise<A>
  readonly state: ReadState
  /**
   * Gives the events of an instance, as events of today, from either end. Reads a page when it is needed. Throws
   * UnreadableEvent.
   *
   * @example
   * for await (const event of emaki.events(Order, 'o1', { backwards: true })) …
   */
  readonly events: <F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
    family: F,
    id: string,
    list?: EventList<T>,
  ) => AsyncGenerator<Recorded<Extract<In<F>, { readonly type: T }>>>
  /** Gives the last event of an instance, or the last of some types. Null: there is none. Rejects with UnreadableEvent. */
  readonly lastEvent: <F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
    family: F,
    id: string,
    types?: readonly T[],
  ) => Promise<Recorded<Extract<In<F>, { readonly type: T }>> | null>
}

/**
 * Gives the state of an instance, confirmed with the log; with `version` or `at`, as it was then. Null: it has no
 * events. A decider may be named by its name; then nothing is known of the state's type.
 */
export type ReadState = {
  <State>(
    decider: { readonly [spec]: DeciderSpec & { readonly state: State } },
    id: string,
    when?: StateMoment,
  ): Promise<StateAt<State> | null>
  (decider: string, id: string, when?: StateMoment): Promise<StateAt | null>
}
