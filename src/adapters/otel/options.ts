import type { TracerProvider } from '@opentelemetry/api'

export type TelemetryOptions = {
  /** Your own SDK's, whose context manager and propagators are registered. Default: one made of the environment. */
  readonly tracerProvider?: TracerProvider & { readonly forceFlush?: () => Promise<void> }
  /** What the spans are of, where OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES do not say. */
  readonly serviceName?: string
  readonly serviceVersion?: string
}
