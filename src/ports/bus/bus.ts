// The port that carries committed pages, in order, to whoever listens in this process; every bus passes the cases of contract/.
import type { StoredEvent } from '../store/event.ts'

/** Events that were just committed, in log order. A gap between two pages means: read the log. */
export type Page = readonly StoredEvent[]

export interface Bus {
  /** Hands a page to all who listen, within the caller's trace context, and waits for none of them. */
  publish(page: Page): void
  /**
   * Calls a listener with each page from now on; gives the function that ends it. One that throws, rejects or never ends harms nobody.
   * It is called where the page is published, after those who wait for the append were answered: what takes long has to go on later.
   */
  listen(listener: (page: Page) => void): () => void
  readonly listeners: number
}
