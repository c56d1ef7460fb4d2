// The port that carries committed pages, in order, to whoever listens.
import type { StoredEvent } from '../store/store.ts'

/** Events that were just committed, in log order. A gap between two pages means: read the log. */
export type Page = readonly StoredEvent[]

export interface Bus {
  publish(page: Page): void
  /** Calls a listener with each page from now on; gives the function that ends it. A listener that throws harms nobody. */
  listen(listener: (page: Page) => void): () => void
  readonly listeners: number
}
