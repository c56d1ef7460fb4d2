import type { Report } from '../report/notice.ts'

/**
 * Tells readers about new events. It may be simple: readers also find events that were never announced, only later. A
 * store of one process calls its watchers; any other may poll its head, see poll.ts.
 */
export interface Watch {
  /**
   * Calls `wake` when somebody else may have appended: with a position that the log has reached, or null if it is not
   * known.
   * A call may be needless, and comes late while the store cannot be reached; `watch` never throws for that, and reports
   * it as an episode. Gives the function that ends it.
   */
  watch(wake: Wake, report?: Report): Promise<() => Promise<void>>
  /**
   * Announces the head of the log to watchers in this and other processes. Soon, not at once, and best effort: it never
   * throws.
   */
  announce(head: number): void
}

/** Called with a position that the log has reached; null: the log may have grown. */
export type Wake = (head: number | null) => void
