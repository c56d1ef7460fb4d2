/** The owner of the lease of what is paused. No process has this name, and a start takes nothing from it. */
export const PAUSED_OWNER = 'paused'
/** How long a pause lasts, in ms: a hundred years, which is for ever. */
export const PAUSE_MS: number = 100 * 365 * 86_400_000

/**
 * The right to write for a subscription. If only one process can have the database, a lease may be given at once, but
 * its epoch still has to rise.
 */
export interface Leases {
  /**
   * Takes the lease if nobody has it, or if its time is over. Null: another owner has it. A new subscription begins
   * after `start`.
   * Its owner may take it again, which counts as a takeover. The call waits for a page that the previous owner is just
   * writing.
   */
  acquire(
    name: string,
    options: { readonly owner: string; readonly ttlMs: number; readonly start: number },
  ): Promise<Lease | null>
  /** Prolongs a lease, even while a page is written. False: it was taken over or given back. */
  renew(name: string, epoch: number, ttlMs: number): Promise<boolean>
  /** Gives a lease back, so that another owner need not wait. Does nothing to a lease that was taken over. */
  release(name: string, epoch: number): Promise<void>
  /** Leases that were not given back, by name. */
  leases(): Promise<readonly LeaseHolder[]>
  /**
   * Stores the work that the owner is about to do, so that a later owner knows on what this one may have died. False:
   * the lease was taken over. It is deleted when a checkpoint reaches its position, and when the lease is given back.
   */
  suspect(name: string, epoch: number, suspect: Suspect | null): Promise<boolean>
}

/**
 * The right to move a subscription on. The owner with a later epoch has taken it over, and the writes of the earlier
 * one are refused.
 */
export type Lease = {
  readonly name: string
  readonly epoch: number
  readonly position: number
  /** Whether it was taken over from another owner, which did not give it back. */
  readonly isTakeover: boolean
  /** How often in a row it was taken over from an owner that did not give it back, at this position. */
  readonly takeovers: number
  /** The work that its last owner was about to do when it ended. */
  readonly suspect: Suspect | null
}
/**
 * The owner of a lease that was not given back, and how much longer it has the lease, in ms. A negative number: the
 * time is over, and nobody has taken it.
 */
export type LeaseHolder = { readonly name: string; readonly owner: string; readonly epoch: number; readonly leftMs: number }
export type Suspect = {
  readonly position: number
  readonly key: string | null
  /** How many owners in a row have ended at this work, including this one. */
  readonly times: number
}
