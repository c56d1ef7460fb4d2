import type { MiddlewareHandler } from 'hono'
import type { Trace } from './trace.ts'

/** Tracing of a whole app: the port, middleware that runs first, and a shutdown, which runs when the log is closed. */
export type Telemetry = {
  readonly trace: Trace
  /** Runs before all other middleware and makes a span for each request. */
  readonly middleware: readonly MiddlewareHandler[]
  /**
   * Sends the remaining spans, for 5 s at most, and ends. Never throws. A `tracerProvider` of yours is flushed and
   * keeps running.
   */
  readonly shutdown: () => Promise<void>
}
