// What one append does, whole or not at all, and what comes of it.
import type { NewEvent, StoredEvent } from './event.ts'

/** What is appended whole or not at all. No two units of one append share a stream. */
export type Unit = { readonly slices: readonly Slice[]; readonly keys: readonly NewKey[] }

/** What one append does to one stream. Without events it only asks that the expectation holds. */
export type Slice = { readonly stream: string; readonly expect: Expectation; readonly events: readonly NewEvent[] }

/** A stream's version before the append: exactly so many events (0: it must not exist), at least one, or no matter. */
export type Expectation = number | 'exists' | 'any'

/** An idempotency key, stored with the unit it names. Its events are versions `version - count + 1 .. version` of `stream`. */
export type NewKey = {
  readonly key: string
  readonly fingerprint: string
  readonly stream: string
  readonly version: number
  readonly count: number
  /** A rejection as JSON text; null for what was accepted. */
  readonly rejection: string | null
  /** How long the key is kept, in ms; null: until it is deleted. */
  readonly keepMs: number | null
}
/** A key as the log has it; `position` is that of its last event, 0 when it has none. */
export type StoredKey = Omit<NewKey, 'keepMs'> & { readonly position: number }

export type UnitOutcome =
  | { readonly outcome: 'appended'; readonly slices: readonly SliceResult[]; readonly at: string }
  | { readonly outcome: 'conflict'; readonly conflicts: readonly Conflict[] }
  | { readonly outcome: 'duplicate'; readonly keys: readonly StoredKey[] }

/** A stream's version after its slice was appended, and the position of the slice's last event (0 when it had none). */
export type SliceResult = { readonly version: number; readonly position: number }

/** A slice whose expectation did not hold. `missed` are the events behind an exact one; null: too many to send, or not exact. */
export type Conflict = {
  readonly stream: string
  readonly expected: Expectation
  readonly actual: number
  readonly missed: readonly StoredEvent[] | null
}

/** The most that a conflict sends of what was missed. Beyond it, a conflict carries only the version. */
export const MISSED_BYTES_MAX = 262_144

/** Whether an expectation is met by a stream of that version. */
export function isMet(expect: Expectation, actual: number): boolean {
  if (expect === 'any') return true
  return expect === 'exists' ? actual > 0 : actual === expect
}

/** Whether a unit writes something; one that does not only asks. */
export function isWrite({ slices, keys }: Unit): boolean {
  return keys.length > 0 || slices.some(({ events }) => events.length > 0)
}
