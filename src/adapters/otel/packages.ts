// Optional peers, loaded when telemetry is turned on. Bun's bundler follows a literal `await import`. If the import is
// directly in a `try`, the bundler accepts that the package is missing.

import type { LogRecordExporter } from '@opentelemetry/sdk-logs'
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'

export type Api = typeof import('@opentelemetry/api')
export type HonoOtel = typeof import('@hono/otel')
export type Protocol = 'http/protobuf' | 'http/json'
/** What every signal needs. */
export type SdkPackages = {
  readonly resources: typeof import('@opentelemetry/resources')
  readonly core: typeof import('@opentelemetry/core')
}
export type TracePackages = {
  readonly sdk: typeof import('@opentelemetry/sdk-trace')
  readonly hooks: typeof import('@opentelemetry/context-async-hooks')
  readonly exporter: Pick<typeof import('@opentelemetry/exporter-trace-otlp-proto'), 'OTLPTraceExporter'>
}
export type MetricPackages = {
  readonly sdk: typeof import('@opentelemetry/sdk-metrics')
  readonly exporter: { readonly OTLPMetricExporter: new () => PushMetricExporter }
}
export type LogPackages = {
  readonly sdk: typeof import('@opentelemetry/sdk-logs')
  readonly exporter: { readonly OTLPLogExporter: new () => LogRecordExporter }
}

/**
 * Versions that fit together: an exporter needs one exact version of its SDK, and another version beside it would be a
 * second copy.
 */
export const VERSIONS: Readonly<Record<string, string>> = {
  '@hono/otel': '1.1.2',
  '@opentelemetry/api': '1.10.0',
  '@opentelemetry/context-async-hooks': '3.1.0',
  '@opentelemetry/core': '3.1.0',
  '@opentelemetry/resources': '3.1.0',
  '@opentelemetry/sdk-logs': '3.1.0',
  '@opentelemetry/sdk-metrics': '3.1.0',
  '@opentelemetry/sdk-trace': '3.1.0',
  '@opentelemetry/exporter-logs-otlp-http': '0.301.0',
  '@opentelemetry/exporter-logs-otlp-proto': '0.301.0',
  '@opentelemetry/exporter-metrics-otlp-http': '0.301.0',
  '@opentelemetry/exporter-metrics-otlp-proto': '0.301.0',
  '@opentelemetry/exporter-trace-otlp-http': '0.301.0',
  '@opentelemetry/exporter-trace-otlp-proto': '0.301.0',
}

export async function apiPackage(): Promise<Api> {
  try {
    return await import('@opentelemetry/api')
  } catch (error) {
    throw missing(error)
  }
}

/** The package that makes spans of requests. */
export async function honoPackage(): Promise<HonoOtel> {
  try {
    return await import('@hono/otel')
  } catch (error) {
    throw missing(error)
  }
}

export async function sdkPackages(): Promise<SdkPackages> {
  try {
    return { resources: await import('@opentelemetry/resources'), core: await import('@opentelemetry/core') }
  } catch (error) {
    throw missing(error)
  }
}

/** The packages that sample, batch and send spans. */
export async function tracePackages(protocol: Protocol): Promise<TracePackages> {
  try {
    return {
      sdk: await import('@opentelemetry/sdk-trace'),
      hooks: await import('@opentelemetry/context-async-hooks'),
      exporter:
        protocol === 'http/json'
          ? await import('@opentelemetry/exporter-trace-otlp-http')
          : await import('@opentelemetry/exporter-trace-otlp-proto'),
    }
  } catch (error) {
    throw missing(error)
  }
}

/** The packages that send metrics. */
export async function metricPackages(protocol: Protocol): Promise<MetricPackages> {
  try {
    return {
      sdk: await import('@opentelemetry/sdk-metrics'),
      exporter:
        protocol === 'http/json'
          ? await import('@opentelemetry/exporter-metrics-otlp-http')
          : await import('@opentelemetry/exporter-metrics-otlp-proto'),
    }
  } catch (error) {
    throw missing(error)
  }
}

/** The packages that send records. */
export async function logPackages(protocol: Protocol): Promise<LogPackages> {
  try {
    return {
      sdk: await import('@opentelemetry/sdk-logs'),
      exporter:
        protocol === 'http/json'
          ? await import('@opentelemetry/exporter-logs-otlp-http')
          : await import('@opentelemetry/exporter-logs-otlp-proto'),
    }
  } catch (error) {
    throw missing(error)
  }
}

function missing(error: unknown): unknown {
  const name = error instanceof Error && /^Cannot find (?:package|module) '([^']+)'/.exec(error.message)?.[1]
  if (!name) return error
  const install = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
  return new Error(`emaki/otel needs ${name}: bun add --exact ${install.join(' ')}`, { cause: error })
}
