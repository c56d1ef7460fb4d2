// Sends metrics: those of the registry of an app, as they are read for a scrape, by the reader of OpenTelemetry's SDK.
import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import { Turn } from '../../lib/turns.ts'
import type { ReadMetrics } from '../../ports/metrics/reading.ts'
import { MetricPoints } from './metric-points.ts'
import { metricPackages } from './packages.ts'
import { type End, endProvider, type Sdk } from './sdk.ts'
import { protocolOf } from './signals.ts'

/** A push has at most so many points, so that the event loop turns between two. */
const POINTS_MAX = 1_000

/** Sends what is given to `send` every OTEL_METRIC_EXPORT_INTERVAL (60 000 ms by default), and at the end. */
export async function openMetrics(sdk: Sdk): Promise<{ readonly send: (read: ReadMetrics) => void; readonly end: End }> {
  const packages = await metricPackages(protocolOf('metrics', process.env))
  const { sdk: metrics, exporter } = packages
  const { getNumberFromEnv } = sdk.core
  const sources: ReadMetrics[] = []
  const exporting = new exporter.OTLPMetricExporter()
  const points = new MetricPoints(packages, exporting)
  const producer: MetricProducer = {
    collect: async () => {
      const readings = (await Promise.all(sources.map(read => read()))).flat()
      const turn = new Turn()
      const found = []
      for (const reading of readings) {
        if (turn.isOver) await turn.next()
        found.push(points.of(reading))
      }
      return {
        resourceMetrics: { resource: sdk.resource, scopeMetrics: [{ scope: { name: 'emaki' }, metrics: found }] },
        errors: [],
      }
    },
  }
  const interval = getNumberFromEnv('OTEL_METRIC_EXPORT_INTERVAL') ?? 60_000
  const reader = new metrics.PeriodicExportingMetricReader({
    exporter: exporting,
    metricProducers: [producer],
    maxExportBatchSize: POINTS_MAX,
    exportIntervalMillis: interval,
    exportTimeoutMillis: Math.min(interval, getNumberFromEnv('OTEL_METRIC_EXPORT_TIMEOUT') ?? 30_000),
  })
  const provider = new metrics.MeterProvider({ resource: sdk.resource, readers: [reader] })
  return { send: read => void sources.push(read), end: () => (sources.length > 0 ? endProvider(provider) : provider.shutdown()) }
}
