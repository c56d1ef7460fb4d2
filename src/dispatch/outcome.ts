import type { Event } from '../event/events.ts'
import type { Expectation } from '../store/store.ts'

export type Accepted = {
  readonly outcome: 'accepted'
  readonly stream: string
  /** The stream's version after the command, and the position of its last event. */
  readonly version: number
  readonly position: number
  readonly events: readonly Event[]
  /** Said before with the same key; nothing was appended this time. */
  readonly replayed?: true
}
export type Rejected = { readonly outcome: 'rejected'; readonly code: string; readonly data?: unknown; readonly replayed?: true }
export type Conflicted = { readonly outcome: 'conflict'; readonly expected: Expectation; readonly actual: number }
export type Invalid = {
  readonly outcome: 'invalid'
  readonly issues: readonly { readonly path: string; readonly message: string }[]
}
/** Nothing was appended. `full`: there is no room on the disk. */
export type Unavailable = { readonly outcome: 'unavailable'; readonly retryAfterMs: number; readonly full?: true }
/** It may have been appended or not: say it again with the same key. */
export type Unknown = { readonly outcome: 'unknown'; readonly retryAfterMs: number }

/** What a command came to. */
export type Outcome = Accepted | Rejected | Conflicted | Invalid | Unavailable | Unknown

/** The code of the rejection that a key gets which was used for another command. */
export const KEY_REUSED = 'idempotency-key-reused'
