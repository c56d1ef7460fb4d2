// OpenTelemetry: implements the port to tracing with spans, makes a span for each request, and sends what was measured
// and recorded. It loads its packages only when it is turned on.
import { checkOptionNames } from '../../definitions/option-names.ts'
import type { TracerProvider } from '@opentelemetry/api'
import { settleWithin } from '../../lib/deadline.ts'
import type { Telemetry } from '../../ports/trace/telemetry.ts'
import { untraced } from '../../ports/trace/trace.ts'
import { openMetrics } from './metrics.ts'
import type { GivenTracerProvider, TelemetryOptions } from './options.ts'
import { type Api, apiPackage, honoPackage } from './packages.ts'
import { openRecords } from './records.ts'
import { requests } from './requests.ts'
import { type End, openSdk } from './sdk.ts'
import { signalsOf } from './signals.ts'
import { steps } from './steps.ts'
import { keepsContext, openTraces } from './traces.ts'

export type { Telemetry, TelemetryOptions }

const OPTIONS: Readonly<Record<keyof TelemetryOptions, true>> = { tracerProvider: true, serviceName: true, serviceVersion: true }
const SHUTDOWN_MS_MAX = 5_000

/**
 * Records traces, and sends them with the metrics and the records of an app by OTLP. The environment configures it:
 * OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS and _PROTOCOL (http/protobuf or http/json), those for one signal
 * (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT), OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER (`none`
 * turns one off), OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and _ARG, OTEL_BSP_*, OTEL_BLRP_*,
 * OTEL_METRIC_EXPORT_INTERVAL and _TIMEOUT.
 * Without an endpoint, or with OTEL_SDK_DISABLED, it loads and records nothing.
 * Throws if a package is missing, and names the package to install.
 *
 * @example
 * export default app({ serve: [order], telemetry: await telemetry() })
 */
export async function telemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  checkOptionNames('telemetry', options, OPTIONS)
  if (options.tracerProvider) return telemetryOf(options.tracerProvider)
  const signals = signalsOf(process.env)
  if (signals.size === 0) return { trace: untraced, middleware: [], shutdown: async () => {} }
  const api = await apiPackage()
  const sdk = await openSdk(api, options)
  const traces = signals.has('traces') ? await openTraces(sdk) : null
  const metrics = signals.has('metrics') ? await openMetrics(sdk) : null
  const records = signals.has('logs') ? await openRecords(sdk) : null
  const ends = [traces, metrics, records].flatMap(signal => (signal ? [signal.end] : []))
  return {
    ...(traces ? await tracingOf(api, traces.tracerProvider) : { trace: untraced, middleware: [] }),
    ...(metrics && { sendMetrics: metrics.send }),
    ...(records && { sendRecord: records.send }),
    shutdown: once(() => endInTime(api, () => endAll(ends))),
  }
}

/** Only spans: the SDK of the caller has metrics and records of its own. */
async function telemetryOf(given: GivenTracerProvider): Promise<Telemetry> {
  const api = await apiPackage()
  // Only OpenTelemetry knows what a tracer is.
  const tracing = await tracingOf(api, given as TracerProvider)
  return { ...tracing, shutdown: () => endInTime(api, async () => given.forceFlush?.()) }
}

async function tracingOf(api: Api, tracerProvider: TracerProvider): Promise<Pick<Telemetry, 'trace' | 'middleware'>> {
  const hono = await honoPackage()
  if (!keepsContext(api))
    throw new TypeError('a tracerProvider needs a context manager: call context.setGlobalContextManager before telemetry()')
  const tracer = tracerProvider.getTracer('emaki')
  return { trace: steps(api, tracer), middleware: requests(api, hono, tracer) }
}

function once(end: End): End {
  let ended: Promise<void> | null = null
  return () => (ended ??= end())
}

/** Ends all signals, also where one fails. Rejects with what the first one failed with. */
async function endAll(ends: readonly End[]): Promise<void> {
  const ended = await Promise.allSettled(ends.map(end => end()))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
}

function endInTime({ diag }: Api, end: () => Promise<void>): Promise<void> {
  const late = () => new Error(`no end after ${SHUTDOWN_MS_MAX} ms`)
  return settleWithin(SHUTDOWN_MS_MAX, end(), late).catch(error =>
    diag.error('the last spans, metrics and records were not sent', error),
  )
}
