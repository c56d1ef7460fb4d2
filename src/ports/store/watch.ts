/**
 * How readers notice what is appended. It may be simple: whoever watches also finds what was never announced, only later. A store of one
 * process calls those who watch; any other may ask for its head again and again, see poll.ts.
 */
export interface Watch {
  /**
   * Calls `wake` when somebody else may have appended: with a position up to which the log has come, or null where it does not know.
   * It may be for nothing, and comes late while the store cannot be reached; never throws for that. Gives the function that ends it.
   */
  watch(wake: Wake): Promise<() => Promise<void>>
  /** Tells those who watch, in this and other processes, how far the log has come. Soon, not at once, and best effort: it never throws. */
  announce(head: number): void
}

/** Is called with how far the log has come; null: it may have grown. */
export type Wake = (head: number | null) => void
