// OpenTelemetry: implements the port to tracing with spans, and makes a span for each request. It loads its packages
// only when it is turned on.
import { checkOptionNames } from '../../definitions/option-names.ts'
import type { TracerProvider } from '@opentelemetry/api'
import { settleWithin } from '../../lib/deadline.ts'
import type { Telemetry } from '../../ports/trace/telemetry.ts'
import { untraced } from '../../ports/trace/trace.ts'
import type { TelemetryOptions } from './options.ts'
import { type Api, instrumentation } from './packages.ts'
import { requests } from './requests.ts'
import { keepsContext, sdk } from './sdk.ts'
import { steps } from './steps.ts'

export type { Telemetry, TelemetryOptions }

const OPTIONS: Readonly<Record<keyof TelemetryOptions, true>> = { tracerProvider: true, serviceName: true, serviceVersion: true }
const SHUTDOWN_MS_MAX = 5_000

/**
 * Records traces and sends them by OTLP. The environment configures it: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS and
 * _PROTOCOL (http/protobuf or http/json), OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and _ARG,
 * OTEL_BSP_*.
 * Without an endpoint, or with OTEL_SDK_DISABLED, it loads and records nothing.
 * Throws if a package is missing, and names the package to install.
 *
 * @example
 * export default app({ serve: [order], telemetry: await telemetry() })
 */
export async function telemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  checkOptionNames('telemetry', options, OPTIONS)
  const given = options.tracerProvider
  if (!given && !isEnabled(process.env)) return { trace: untraced, middleware: [], shutdown: async () => {} }
  const { api, hono } = await instrumentation()
  const { tracerProvider, end } = given
    ? // Only OpenTelemetry knows what a tracer is.
      { tracerProvider: given as TracerProvider, end: async () => given.forceFlush?.() }
    : await sdk(api, options)
  if (!keepsContext(api))
    throw new TypeError('a tracerProvider needs a context manager: call context.setGlobalContextManager before telemetry()')
  const tracer = tracerProvider.getTracer('emaki')
  return { trace: steps(api, tracer), middleware: requests(api, hono, tracer), shutdown: () => endInTime(api, end) }
}

function isEnabled(environment: Readonly<Record<string, string | undefined>>): boolean {
  const setting = (name: string) => environment[`OTEL_${name}`]?.trim().toLowerCase()
  if (setting('SDK_DISABLED') === 'true' || setting('TRACES_EXPORTER') === 'none') return false
  return Boolean(setting('EXPORTER_OTLP_ENDPOINT') || setting('EXPORTER_OTLP_TRACES_ENDPOINT'))
}

function endInTime({ diag }: Api, end: () => Promise<void>): Promise<void> {
  const late = () => new Error(`no end after ${SHUTDOWN_MS_MAX} ms`)
  return settleWithin(SHUTDOWN_MS_MAX, end(), late).catch(error => diag.error('the last spans were not sent', error))
}
