// The port to what keeps our answers in front of us.

export interface Purger {
  /** Forgets all answers with one of these tags, however many there are. Rejects where it cannot say that all are forgotten. */
  purge(tags: readonly string[]): Promise<void>
  /** Forgets all answers. */
  purgeAll(): Promise<void>
}
