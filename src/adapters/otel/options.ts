import type { TracerProvider } from '@opentelemetry/api'

export type TelemetryOptions = {
  /**
   * A provider of your own SDK. Its context manager and propagators must be registered. Default: one that the
   * environment configures.
   */
  readonly tracerProvider?: TracerProvider & { readonly forceFlush?: () => Promise<void> }
  /** The name of the service, if OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES do not give one. */
  readonly serviceName?: string
  /** The version of the service, if OTEL_RESOURCE_ATTRIBUTES does not give one. Default: none. */
  readonly serviceVersion?: string
}
