// Optional peers, loaded when telemetry is turned on. Bun's bundler follows a literal `await import`. If the import is
// directly in a `try`, the bundler accepts that the package is missing.

export type Api = typeof import('@opentelemetry/api')
export type Instrumentation = { readonly api: Api; readonly hono: typeof import('@hono/otel') }
export type Protocol = 'http/protobuf' | 'http/json'
export type SdkPackages = {
  readonly trace: typeof import('@opentelemetry/sdk-trace')
  readonly resources: typeof import('@opentelemetry/resources')
  readonly hooks: typeof import('@opentelemetry/context-async-hooks')
  readonly core: typeof import('@opentelemetry/core')
  readonly exporter: Pick<typeof import('@opentelemetry/exporter-trace-otlp-proto'), 'OTLPTraceExporter'>
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
  '@opentelemetry/sdk-trace': '3.1.0',
  '@opentelemetry/exporter-trace-otlp-http': '0.301.0',
  '@opentelemetry/exporter-trace-otlp-proto': '0.301.0',
}

/** The packages that make spans. */
export async function instrumentation(): Promise<Instrumentation> {
  try {
    return { api: await import('@opentelemetry/api'), hono: await import('@hono/otel') }
  } catch (error) {
    throw missing(error)
  }
}

/** The packages that sample, batch and send spans. */
export async function sdkPackages(protocol: Protocol): Promise<SdkPackages> {
  try {
    return {
      trace: await import('@opentelemetry/sdk-trace'),
      resources: await import('@opentelemetry/resources'),
      hooks: await import('@opentelemetry/context-async-hooks'),
      core: await import('@opentelemetry/core'),
      exporter:
        protocol === 'http/json'
          ? await import('@opentelemetry/exporter-trace-otlp-http')
          : await import('@opentelemetry/exporter-trace-otlp-proto'),
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
