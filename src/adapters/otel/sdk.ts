// Makes an SDK from the environment. OpenTelemetry's own packages read most variables; this file reads the others.
import type { TracerProvider } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { Sampler } from '@opentelemetry/sdk-trace'
import type { TelemetryOptions } from './options.ts'
import { type Api, type Protocol, type SdkPackages, sdkPackages } from './packages.ts'

export type Sdk = { readonly tracerProvider: TracerProvider; readonly end: () => Promise<void> }

/**
 * Makes a provider that samples and sends in batches, and registers it with a context manager and W3C's propagators.
 */
export async function sdk(api: Api, options: TelemetryOptions): Promise<Sdk> {
  const packages = await sdkPackages(protocol())
  const { trace, core, exporter } = packages
  const { getNumberFromEnv } = core
  const logLevel = core.diagLogLevelFromString(core.getStringFromEnv('OTEL_LOG_LEVEL')) ?? api.DiagLogLevel.WARN
  api.diag.setLogger(new api.DiagConsoleLogger(), { logLevel, suppressOverrideMessage: true })
  const tracerProvider = new trace.TracerProvider({
    resource: resource(packages, options),
    sampler: sampler(api, packages),
    spanProcessors: [
      new trace.BatchSpanProcessor({
        exporter: new exporter.OTLPTraceExporter(),
        scheduledDelayMillis: getNumberFromEnv('OTEL_BSP_SCHEDULE_DELAY') ?? 5_000,
        exportTimeoutMillis: getNumberFromEnv('OTEL_BSP_EXPORT_TIMEOUT') ?? 30_000,
        maxQueueSize: getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE') ?? 2_048,
        maxExportBatchSize: getNumberFromEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE') ?? 512,
      }),
    ],
  })
  register(api, packages, tracerProvider)
  return {
    tracerProvider,
    end: async () => {
      try {
        await tracerProvider.forceFlush()
      } finally {
        await tracerProvider.shutdown()
      }
    },
  }
}

/** Whether a context stays active. Without a context manager each span would silently be a trace of its own. */
export function keepsContext({ context, ROOT_CONTEXT, createContextKey }: Api): boolean {
  const probe = ROOT_CONTEXT.setValue(createContextKey('probe'), true)
  return context.with(probe, () => context.active()) === probe
}

/**
 * Registers a provider. The newest one counts, for example after a reload by `bun --hot`. Context manager and
 * propagators stay.
 */
function register(api: Api, { hooks, core }: SdkPackages, tracerProvider: TracerProvider): void {
  api.trace.disable()
  api.trace.setGlobalTracerProvider(tracerProvider)
  if (!keepsContext(api)) api.context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable())
  if (api.propagation.fields().length > 0) return
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()]
  api.propagation.setGlobalPropagator(new core.CompositePropagator({ propagators }))
}

const PROTOCOLS: readonly string[] = ['http/protobuf', 'http/json'] satisfies Protocol[]

function protocol(): Protocol {
  const { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: traces, OTEL_EXPORTER_OTLP_PROTOCOL: all } = process.env
  const found = (traces || all || 'http/protobuf').trim()
  if (PROTOCOLS.includes(found)) return found as Protocol
  throw new TypeError(`OTEL_EXPORTER_OTLP_PROTOCOL is ${PROTOCOLS.join(' or ')}; found ${found}`)
}

/**
 * The resource of the spans. OTEL_SERVICE_NAME comes first, then OTEL_RESOURCE_ATTRIBUTES, then the options of the app.
 */
function resource({ resources }: SdkPackages, { serviceName, serviceVersion }: TelemetryOptions): Resource {
  const { defaultResource, detectResources, resourceFromAttributes } = resources
  const { resourceAttributesEnvDetector, serviceInstanceIdDetector, serviceNameEnvDetector } = resources
  const ofApp = resourceFromAttributes({
    ...(serviceName !== undefined && { 'service.name': serviceName }),
    ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
    'process.runtime.name': 'bun',
    'process.runtime.version': Bun.version,
  })
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector]
  return defaultResource().merge(ofApp).merge(detectResources({ detectors }))
}

/**
 * Makes the sampler of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, which the SDK does not read. An unknown name
 * means the default, as the standard wants.
 */
function sampler({ diag }: Api, { trace, core }: SdkPackages): Sampler {
  const name = (core.getStringFromEnv('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on').trim().toLowerCase()
  const ratio = core.getNumberFromEnv('OTEL_TRACES_SAMPLER_ARG') ?? 1
  const roots = new Map<string, Sampler>([
    ['always_on', new trace.AlwaysOnSampler()],
    ['always_off', new trace.AlwaysOffSampler()],
    ['traceidratio', new trace.TraceIdRatioBasedSampler(ratio)],
  ])
  const found = roots.get(name)
  if (found) return found
  const root = roots.get(name.replace(/^parentbased_/, ''))
  if (!root) diag.warn(`OTEL_TRACES_SAMPLER: expected ${[...roots.keys()].join(', ')} or parentbased_ before one; found ${name}`)
  return new trace.ParentBasedSampler({ root: root ?? new trace.AlwaysOnSampler() })
}
