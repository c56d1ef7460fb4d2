// Sends spans. OpenTelemetry's own packages read most variables; this file reads the others.
import type { TracerProvider } from '@opentelemetry/api'
import type { Sampler } from '@opentelemetry/sdk-trace'
import { type Api, type TracePackages, tracePackages } from './packages.ts'
import { type End, endProvider, type Sdk } from './sdk.ts'
import { protocolOf } from './signals.ts'

/**
 * Makes a provider that samples and sends in batches, and registers it with a context manager and W3C's propagators.
 */
export async function openTraces(sdk: Sdk): Promise<{ readonly tracerProvider: TracerProvider; readonly end: End }> {
  const packages = await tracePackages(protocolOf('traces', process.env))
  const { sdk: trace, exporter } = packages
  const { getNumberFromEnv } = sdk.core
  const tracerProvider = new trace.TracerProvider({
    resource: sdk.resource,
    sampler: sampler(sdk, packages),
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
  register(sdk, packages, tracerProvider)
  return { tracerProvider, end: () => endProvider(tracerProvider) }
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
function register({ api, core }: Sdk, { hooks }: TracePackages, tracerProvider: TracerProvider): void {
  api.trace.disable()
  api.trace.setGlobalTracerProvider(tracerProvider)
  if (!keepsContext(api)) api.context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable())
  if (api.propagation.fields().length > 0) return
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()]
  api.propagation.setGlobalPropagator(new core.CompositePropagator({ propagators }))
}

/**
 * Makes the sampler of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, which the SDK does not read. An unknown name
 * means the default, as the standard wants.
 */
function sampler({ api, core }: Sdk, { sdk: trace }: TracePackages): Sampler {
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
  if (!root) {
    const expected = [...roots.keys()].join(', ')
    api.diag.warn(`OTEL_TRACES_SAMPLER: expected ${expected} or parentbased_ before one; found ${name}`)
  }
  return new trace.ParentBasedSampler({ root: root ?? new trace.AlwaysOnSampler() })
}
