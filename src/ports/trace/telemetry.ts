import type { MiddlewareHandler } from 'hono'
import type { Trace } from './trace.ts'

/** Tracing of a whole app: the port, middleware that runs first, and an end, which comes when the log is closed. */
export type Telemetry = {
  readonly trace: Trace
  /** To be run before all other middleware: a span for each request. */
  readonly middleware: readonly MiddlewareHandler[]
  /** Sends what is left, for 5 s at most, and ends; never throws. A `tracerProvider` of yours is flushed and left running. */
  readonly shutdown: () => Promise<void>
}
