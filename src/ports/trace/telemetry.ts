import type { MiddlewareHandler } from 'hono'
import type { ReadMetrics } from '../metrics/reading.ts'
import type { LogRecord } from '../report/record.ts'
import type { Trace } from './trace.ts'

/** Telemetry of a whole app: tracing, middleware that runs first, and a shutdown, which runs when the log is closed. */
export type Telemetry = {
  readonly trace: Trace
  /** Runs before all other middleware and makes a span for each request. */
  readonly middleware: readonly MiddlewareHandler[]
  /** Is given once how the metrics of the app are read, and sends them from time to time. Default: nothing sends them. */
  readonly sendMetrics?: (read: ReadMetrics) => void
  /** Sends a record. Default: nothing sends it. */
  readonly sendRecord?: (record: LogRecord) => void
  /**
   * Sends what remains, for 5 s at most, and ends. Never throws. A `tracerProvider` of yours is flushed and
   * keeps running.
   */
  readonly shutdown: () => Promise<void>
}
