// The port to what is known of Emaki's promises: breaches that somebody found, and seals, by which an event that was
// changed is noticed. They are kept beside the log, and are no part of it.
import type { PromiseName } from '../report/broken-promise.ts'

/** A promise that does not hold, as somebody found it. A breach is known by its promise and its subject. */
export type Breach = {
  readonly promise: PromiseName
  /** What it is about: `orders_v1 o1` for a row, `order-o1 3` for an event. It is not empty. */
  readonly subject: string
  /** What was found, as a sentence. */
  readonly message: string
  /** Who found it: the name of a process, or a verb, such as `verify`. */
  readonly foundBy: string
  /** When, in ms since 1970. */
  readonly at: number
}

/** The digest of a stretch of the log, taken when it was read for the first time. */
export type Seal = {
  /** The stretch: the events after this position. It names the seal. */
  readonly after: number
  /** The last position of the stretch. */
  readonly until: number
  /** How many events it has. */
  readonly count: number
  /** SHA-256 of its events, in base64url. */
  readonly digest: string
  /** `at` of its last event; the empty text if it has none. */
  readonly lastAt: string
  /** The epoch of the log in which it was taken. */
  readonly epoch: number
}

/** No path of a command waits for these. Every call may throw a StoreError. */
export interface Promises {
  /**
   * Keeps a breach. False: the store has one of this promise and subject, or BREACHES_MAX of this promise, and keeps
   * no more. The first one stays as it is.
   */
  addBreach(breach: Breach): Promise<boolean>
  /** All breaches that are kept, the oldest first. */
  breaches(): Promise<readonly Breach[]>
  /** Deletes all breaches. Gives how many. */
  forgetBreaches(): Promise<number>
  /** Keeps a seal, in place of one with the same `after`. */
  seal(seal: Seal): Promise<void>
  /** The first seal that begins at a position or above it. Null: there is none. */
  sealFrom(position: number): Promise<Seal | null>
  /** The seal that begins last. Null: there is none. */
  lastSeal(): Promise<Seal | null>
  /** Deletes all seals. Gives how many. */
  forgetSeals(): Promise<number>
}

/** The most breaches that are kept of a promise. */
export const BREACHES_MAX = 1_000
