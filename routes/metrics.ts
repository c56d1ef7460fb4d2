// GET /metrics: the metrics of this process, as Prometheus reads them.
import type { Handler } from 'hono'
import type { Metrics } from '../src/metrics/registry.ts'
import { TEXT_TYPES, writeText } from '../src/metrics/text.ts'

const NO_STORE = { 'Cache-Control': 'no-store' }

/**
 * Answers with all metrics: in OpenMetrics, which has examples of traces, where the client asks for it, else in the
 * classic text format.
 */
export function serveMetrics(metrics: Metrics): Handler {
  return async c => {
    const format = c.req.header('accept')?.includes('application/openmetrics-text') ? 'openmetrics' : 'classic'
    const text = await writeText(await metrics.read(), format)
    return c.body(text, 200, { ...NO_STORE, 'Content-Type': TEXT_TYPES[format], Vary: 'Accept' })
  }
}
