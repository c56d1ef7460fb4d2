/**
 * The keys and streams that subscriptions skip. The pages of their owners write them. This part reads them, and asks an
 * owner to try again.
 */
export interface ParkedKeys {
  /** Lists parked keys and streams, by name and position. */
  parked(name?: string): Promise<readonly Parked[]>
  /** Counts parked keys and streams of each subscription that has some, by name. */
  parkedCounts(): Promise<readonly ParkedCount[]>
  /**
   * Asks the owner to handle a key again; without a key (undefined) all keys. Gives their number. `at` becomes the time of
   * the request.
   */
  unpark(name: string, key?: string, again?: Again): Promise<number>
}

/**
 * A key that a subscription skips because one of its events could not be handled; with `kind` stream a whole stream.
 */
export type Parked = {
  readonly name: string
  readonly kind: 'key' | 'stream'
  readonly key: string
  /** The position of the event that could not be handled. */
  readonly position: number
  readonly cause: string
  /** When it was parked; if it is to be handled again, since when. */
  readonly at: string
  /**
   * Handle this event again, or skip it and handle the events after it: the request of `unpark`, or of the owner itself,
   * which tries an event again for some time. Null: it stays parked.
   */
  readonly again: Again | null
  /**
   * A fingerprint of the release that could not read the event, or the row. An owner with another fingerprint handles
   * the key again without being asked. Null: everything could be read, and its handling failed.
   */
  readonly reader: string | null
}
export type Again = 'whole' | 'skip'
/** How many keys and streams of a subscription stay parked, and how many are to be handled again. */
export type ParkedCount = {
  readonly name: string
  readonly keys: number
  readonly streams: number
  readonly retrying: number
}
export type NewParked = Pick<Parked, 'kind' | 'key' | 'position' | 'cause'> &
  Partial<Pick<Parked, 'reader'>> & {
    /** The owner handles it again, since this time in ms since 1970. Default: it stays parked. */
    readonly retrySince?: number
  }
