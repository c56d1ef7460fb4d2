// The unit of an append, which is written whole or not at all, and its outcome.
import type { NewEvent, StoredEvent } from './event.ts'
import type { NewRow } from '../read-model/progress.ts'

/** Events and keys that are written whole or not at all. No two units of one append share a stream that one of them writes. */
export type Unit = {
  readonly slices: readonly Slice[]
  readonly keys: readonly NewKey[]
  /** Rows that follow from its events. Default: none. */
  readonly rows?: readonly UnitRow[]
}

/**
 * A row of a projection whose rows are folds of one stream, after an event of its unit: `id` and `version` are those of
 * the event. It is written with the unit, to each table of the projection's version that exists, over a row at a lower
 * position only. `table`: the version's own table. A read model takes the row, because `checkPage` took it.
 */
export type UnitRow = Pick<NewRow, 'key' | 'fields'> & {
  readonly table: string
  readonly data: string
  readonly stream: string
  readonly version: number
  readonly id: string
}

/** The part of a unit for one stream. Without events it only checks the expectation. */
export type Slice = { readonly stream: string; readonly expect: Expectation; readonly events: readonly NewEvent[] }

/**
 * The expected version of a stream before the append: a number (0: it must not exist), `exists`: at least one event,
 * `any`: no check.
 */
export type Expectation = number | 'exists' | 'any'

/** An idempotency key, stored with its unit. Its events are versions `version - count + 1 .. version` of `stream`. */
export type NewKey = {
  readonly key: string
  readonly fingerprint: string
  readonly stream: string
  readonly version: number
  readonly count: number
  /** A rejection as JSON text; null for an accepted command. */
  readonly rejection: string | null
  /** How long the key is kept, in ms; null: until it is deleted. */
  readonly keepMs: number | null
}
/** A key in the log. `position` is that of its last event, 0 without events. */
export type StoredKey = Omit<NewKey, 'keepMs'> & { readonly position: number }

/** A key that still lives. `until`: when its time is over, in ms since 1970; null: it is kept until it is deleted. */
export type KeptKey = Omit<NewKey, 'keepMs'> & { readonly until: number | null }

export type UnitOutcome =
  | { readonly outcome: 'appended'; readonly slices: readonly SliceResult[]; readonly at: string }
  | { readonly outcome: 'conflict'; readonly conflicts: readonly Conflict[] }
  | { readonly outcome: 'duplicate'; readonly keys: readonly StoredKey[] }

/**
 * The version of a stream after its slice was appended, and the position of the slice's last event (0 without events).
 */
export type SliceResult = { readonly version: number; readonly position: number }

/**
 * A slice whose expectation failed. `missed`: the events after an exact expected version. Null: they are too large to
 * send, or no exact version was expected.
 */
export type Conflict = {
  readonly stream: string
  readonly expected: Expectation
  readonly actual: number
  readonly missed: readonly StoredEvent[] | null
}

/** The most bytes of missed events that a conflict carries. Beyond it, it carries only the version. */
export const MISSED_BYTES_MAX = 262_144

/** Whether a stream of a version meets an expectation. */
export function isMet(expect: Expectation, actual: number): boolean {
  if (expect === 'any') return true
  return expect === 'exists' ? actual > 0 : actual === expect
}

/** Whether a unit writes something. Otherwise it only checks expectations. */
export function isWrite({ slices, keys }: Unit): boolean {
  return keys.length > 0 || slices.some(({ events }) => events.length > 0)
}
