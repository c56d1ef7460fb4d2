/**
 * A `TracerProvider` of OpenTelemetry. It has a type of our own, so that the declarations of this package need none of
 * its packages.
 */
export type GivenTracerProvider = {
  readonly getTracer: (name: string, version?: string) => object
  readonly forceFlush?: () => Promise<void>
}

export type TelemetryOptions = {
  /**
   * A provider of your own SDK. Its context manager and propagators must be registered. Default: one that the
   * environment configures.
   */
  readonly tracerProvider?: GivenTracerProvider
  /** The name of the service, if OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES do not give one. */
  readonly serviceName?: string
  /** The version of the service, if OTEL_RESOURCE_ATTRIBUTES does not give one. Default: none. */
  readonly serviceVersion?: string
}
