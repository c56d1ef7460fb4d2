// The port that carries committed pages, in order, to listeners in this process. Every bus passes the cases of
// contract/.
import type { StoredEvent } from '../store/event.ts'

/** Events that were just committed, in log order. After a gap between two pages, read the log. */
export type Page = readonly StoredEvent[]

export interface Bus {
  /** Gives a page to all listeners, within the caller's trace context, and waits for none of them. */
  publish(page: Page): void
  /**
   * Calls a listener with each page from now on. Gives the function that ends it. A listener may throw, reject or never
   * end without harm to others.
   * A listener runs inside `publish`, after the callers of the append have their answers. It should do slow work later.
   */
  listen(listener: (page: Page) => void): () => void
  readonly listeners: number
}
