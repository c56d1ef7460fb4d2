import type { Target } from '../definitions/endpoint.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import type { NewPage } from '../ports/read-model/progress.ts'
import type { StoredEvent } from '../ports/store/event.ts'

/** Handles the events of a subscription, and makes the effects durable. */
export type Consumer = {
  /** Begins under a new lease. Everything known before may be out of date. */
  readonly begin: (lease: Lease) => Promise<void>
  /** Ends the work, because the lease is lost or will be given back. */
  readonly end?: () => Promise<void>
  /**
   * Handles events in order. An `announce` is called with each event before it is handled, because an earlier owner
   * ended at one.
   */
  readonly handle: (events: readonly StoredEvent[], announce: Announce | null) => Promise<void>
  /** The first event that it is handling, for a report. Null: there is none, or it is not known. */
  readonly current?: () => { readonly key: string; readonly position: number } | null
  /** The size of the effects that are not durable yet, in characters. Null: there are none. */
  readonly pendingSize: () => number | null
  /** Writes all effects with the checkpoint. False: another owner has taken over. */
  readonly save: (guard: PageGuard) => Promise<boolean>
  /**
   * What has asked to stop, once nothing is being handled any more. Then the subscription saves, is paused, and ends its
   * work. Null: nothing has.
   */
  readonly stopAsked?: () => Promise<StopAsked | null>
  /** Where a relay sends to. */
  readonly target?: Target | null
  /** The most events for one call of `handle`. Default: those of a page. */
  readonly eventsMax?: number
  /** Whether it counts the events that it is given one by one, as it may be long at a page. Default: a page counts as it ends. */
  readonly countsEvents?: boolean
  /** Whether it has so much to try again that it should be given no new events for now. Default: never. */
  readonly isFull?: () => boolean
  /** Whether something is parked, so that somebody may ask to handle it again. */
  readonly hasParked: () => boolean
  /**
   * Handles parked events again if somebody asked for it. Called once a second while something is parked and nothing is
   * pending.
   */
  readonly retryParked: (guard: PageGuard) => Promise<void>
}

/** A stop that a handler has asked for. */
export type StopAsked = {
  /** The position and the key of the event that was handled. */
  readonly position: number
  readonly key: string
  readonly reason: string
  /** The position up to which events are handled, or noted to be handled. Infinity: all that were given are. */
  readonly handledTo: number
}

/** The part of a page that names its writer and its range of positions. */
export type PageGuard = Pick<NewPage, 'name' | 'epoch' | 'from' | 'to' | 'ttlMs' | 'pauses'>
export type Announce = (position: number, key: string | null) => Promise<void>
