/**
 * The keys and streams that subscriptions skip. The pages of their owners write them. This part reads them, and asks an
 * owner to try again.
 */
export interface ParkedKeys {
  /** Lists parked keys and streams, by name and position. */
  parked(name?: string): Promise<readonly Parked[]>
  /** Counts parked keys and streams of each subscription that has some, by name. */
  parkedCounts(): Promise<readonly ParkedCount[]>
  /** Asks the owner to handle a key again; without a key (undefined) all keys. Gives their number. */
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
  readonly at: string
  /**
   * The request of `unpark`: handle this event again, or skip it and handle the events after it. Null: there is no
   * request.
   */
  readonly again: Again | null
}
export type Again = 'whole' | 'skip'
/** How many keys and streams of a subscription are parked. */
export type ParkedCount = { readonly name: string; readonly keys: number; readonly streams: number }
export type NewParked = Pick<Parked, 'kind' | 'key' | 'position' | 'cause'>
