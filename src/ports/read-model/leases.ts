/** The right to write for a subscription. Where one process alone may have the database, a lease may be given at once; its epoch has to rise all the same. */
export interface Leases {
  /**
   * Takes the lease where nobody else has it or its time is over; null: another has it. A subscription that is new begins after `start`.
   * Its owner may take it again, which counts as taking over. It waits for a page of the owner before that is just being written.
   */
  acquire(
    name: string,
    options: { readonly owner: string; readonly ttlMs: number; readonly start: number },
  ): Promise<Lease | null>
  /** Prolongs a lease, also while a page is written; false: it was taken over or given back. */
  renew(name: string, epoch: number, ttlMs: number): Promise<boolean>
  /** Gives a lease back, so that another need not wait; one that was taken over is left alone. */
  release(name: string, epoch: number): Promise<void>
  /** Leases that were not given back, by name. */
  leases(): Promise<readonly LeaseHolder[]>
  /**
   * Notes what is about to be done, so that whoever takes over knows what it may have died of. False: it was taken over. It is forgotten
   * when a checkpoint reaches its position, and when the lease is given back.
   */
  suspect(name: string, epoch: number, suspect: Suspect | null): Promise<boolean>
}

/** The right to move a subscription on. Whoever has a later epoch has taken it over, and the earlier one's writes are refused. */
export type Lease = {
  readonly name: string
  readonly epoch: number
  readonly position: number
  /** How often in a row it was taken over by another, not given back, at this position. */
  readonly takeovers: number
  /** What its last owner was about to do one by one when it ended. */
  readonly suspect: Suspect | null
}
/** Who has a lease that was not given back, and for how many ms more; a negative number: its time is over, and nobody has taken it. */
export type LeaseHolder = { readonly name: string; readonly owner: string; readonly epoch: number; readonly leftMs: number }
export type Suspect = {
  readonly position: number
  readonly key: string | null
  /** How many owners in a row have ended at it, this one included. */
  readonly times: number
}
