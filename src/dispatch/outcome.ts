import type { Rejection } from '../definitions/decider/reject.ts'
import type { Event, spec } from '../definitions/event/events.ts'
import { StoreError } from '../ports/store/errors.ts'
import { type Expectation, isMet } from '../ports/store/unit.ts'

export type Accepted = {
  readonly outcome: 'accepted'
  readonly stream: string
  /** The stream's version after the command, and the position of its last event. */
  readonly version: number
  readonly position: number
  readonly events: readonly Event[]
  /** The same key was sent before. Nothing was appended this time. */
  readonly replayed?: true
}
export type Rejected = { readonly outcome: 'rejected'; readonly code: string; readonly data?: unknown; readonly replayed?: true }
/**
 * The decision says that the command came too early. Nothing was appended, and no key remembers it: send it again after
 * `retryAfterMs`.
 */
export type Later = { readonly outcome: 'later'; readonly code: string; readonly data?: unknown; readonly retryAfterMs: number }
/** The version that a command expects of its stream, or several of which it has to have one. */
export type Precondition = Expectation | readonly number[]
export type Conflicted = { readonly outcome: 'conflict'; readonly expected: Precondition; readonly actual: number }
export type Invalid = {
  readonly outcome: 'invalid'
  readonly issues: readonly { readonly path: string; readonly message: string }[]
}
/** Nothing was appended; try again after `retryAfterMs`. `full`: the disk has no room. */
export type Unavailable = { readonly outcome: 'unavailable'; readonly retryAfterMs: number; readonly full?: true }
/** The events may have been appended or not. Send the command again with the same key, after `retryAfterMs`. */
export type Unknown = { readonly outcome: 'unknown'; readonly retryAfterMs: number }

/** A rule refuses the caller on the state of the stream. `isHidden`: it may not know that the stream exists. */
export type Refused = { readonly outcome: 'refused'; readonly isHidden: boolean }

/** Whether a stream of a version meets a precondition. No version meets an empty list. */
export function isExpected(expected: Precondition, actual: number): boolean {
  return typeof expected === 'object' ? expected.includes(actual) : isMet(expected, actual)
}

/** The outcome of a command. */
export type Outcome = Accepted | Rejected | Later | Conflicted | Invalid | Unavailable | Unknown

/** The outcome that a rejection is for its caller. */
export function outcomeOfRejection({ code, data, afterMs }: Omit<Rejection, typeof spec>): Rejected | Later {
  const said = data === undefined ? { code } : { code, data }
  return afterMs === undefined ? { outcome: 'rejected', ...said } : { outcome: 'later', ...said, retryAfterMs: afterMs }
}

/** The code of a rejection when the key was used before for another command. */
export const KEY_REUSED = 'idempotency-key-reused'

const RETRY_AFTER_MS = 1_000

export const UNAVAILABLE: Unavailable = { outcome: 'unavailable', retryAfterMs: RETRY_AFTER_MS }

/** Whether the error says that nothing was appended and never will be. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && error.reason === 'refused'
}

/** Whether a later attempt may succeed, by the store's error. */
export function isTransient(error: unknown): error is StoreError {
  return error instanceof StoreError && !isRefusal(error)
}

/** The outcome for a caller whose store failed only for now. */
export function outcomeOfError(error: StoreError): Unavailable | Unknown {
  if (error.reason === 'unknown') return { outcome: 'unknown', retryAfterMs: RETRY_AFTER_MS }
  return error.reason === 'full' ? { outcome: 'unavailable', retryAfterMs: 10 * RETRY_AFTER_MS, full: true } : UNAVAILABLE
}

/** The outcome of input that does not fit its schema. Each path becomes a JSON pointer. */
export function invalidOutcome(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): Invalid {
  return {
    outcome: 'invalid',
    issues: issues.map(({ path, message }) => ({ path: path.map(step => `/${String(step)}`).join(''), message })),
  }
}
