/** What subscriptions pass over. It is written by the pages of their owners; here it is read, and its owner is asked to try again. */
export interface ParkedKeys {
  /** What is parked, by name and position. */
  parked(name?: string): Promise<readonly Parked[]>
  /** How much is parked, of each subscription that has something parked, by name. */
  parkedCounts(): Promise<readonly ParkedCount[]>
  /** Asks the owner to handle what is parked again; without a key (undefined) all of it. Gives how many there were. */
  unpark(name: string, key?: string, again?: Again): Promise<number>
}

/** A key, or with `kind` stream a whole stream, whose events a subscription passes over, as one of them could not be handled. */
export type Parked = {
  readonly name: string
  readonly kind: 'key' | 'stream'
  readonly key: string
  /** The position of the event that could not be handled. */
  readonly position: number
  readonly cause: string
  readonly at: string
  /** What `unpark` asked of its owner: to handle it again, or to pass over this one event and handle what came after it. */
  readonly again: Again | null
}
export type Again = 'whole' | 'skip'
/** How much of a subscription is parked. */
export type ParkedCount = { readonly name: string; readonly keys: number; readonly streams: number }
export type NewParked = Pick<Parked, 'kind' | 'key' | 'position' | 'cause'>
