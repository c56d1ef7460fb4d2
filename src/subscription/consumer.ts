import type { Lease } from '../ports/read-model/leases.ts'
import type { NewPage } from '../ports/read-model/progress.ts'
import type { StoredEvent } from '../ports/store/event.ts'

/** Handles the events of a subscription, and makes durable what they did. */
export type Consumer = {
  /** A lease was just taken: what was known before may be out of date. */
  readonly begin: (lease: Lease) => Promise<void>
  /** The lease is lost, or about to be given back. */
  readonly end?: () => Promise<void>
  /** Handles events in order. With `announce`, it says of each event that it is about to be handled, as an earlier owner ended at one. */
  readonly handle: (events: readonly StoredEvent[], announce: Announce | null) => Promise<void>
  /** How much is not durable yet, in characters; null: nothing. */
  readonly pending: () => number | null
  /** Writes all that was handled, with the checkpoint; false: another owner has taken over. */
  readonly save: (guard: PageGuard) => Promise<boolean>
  /** The most events that it handles at once. Default: those of a page. */
  readonly eventsMax?: number
  /** Whether something is parked. Somebody may ask to handle it again. */
  readonly hasParked: () => boolean
  /** Handles again what somebody asked for. Called once a second while something is parked and nothing is pending. */
  readonly retryParked: (guard: PageGuard) => Promise<void>
}

/** The part of a page that says who writes, and from which position to which. */
export type PageGuard = Pick<NewPage, 'name' | 'epoch' | 'from' | 'to' | 'ttlMs'>
export type Announce = (position: number, key: string | null) => Promise<void>
