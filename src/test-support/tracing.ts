// Spans that are kept in memory, and short ways to make and find them.
import { afterAll, beforeAll, beforeEach } from 'bun:test'
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  InMemorySpanExporter,
  ParentBasedSampler,
  AlwaysOnSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { TraceContext } from '../ports/trace/trace.ts'
import { type Telemetry, telemetry } from '../adapters/otel/index.ts'

useTracing()

export const exporter = new InMemorySpanExporter()

export const tracerProvider = new TracerProvider({
  sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
})

export const tracer = tracerProvider.getTracer('test')

/** The telemetry of this provider, once `useTracing` has set it up. */
export const tracing = {} as { telemetry: Telemetry }

/** Sets tracing up for the tests of one file, and takes it back after them. */
export function useTracing(): void {
  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    )
    tracing.telemetry = await telemetry({ tracerProvider })
  })
  beforeEach(() => exporter.reset())
  afterAll(() => {
    context.disable()
    propagation.disable()
  })
}

export const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans()

export const findSpan = (name: string): ReadableSpan => {
  const found = spans().find(span => span.name === name)
  if (!found) throw new Error(`expected a span ${name}, found ${spans().map(span => span.name)}`)
  return found
}

export const traceIdOf = (n: number): string => n.toString(16).padStart(32, '0')

export const header = (n: number, flags = '01'): string => `00-${traceIdOf(n)}-00000000000000ff-${flags}`

/** Runs within a span of its own, as a request does. */
export const inSpan = <T>(name: string, run: (place: TraceContext) => T): T =>
  tracer.startActiveSpan(name, {}, ROOT_CONTEXT, span => {
    try {
      return run(tracing.telemetry.trace.current()!)
    } finally {
      span.end()
    }
  })

export const runUnsampled = <T>(run: (place: TraceContext) => T): T =>
  context.with(propagation.extract(ROOT_CONTEXT, { traceparent: header(7, '00') }), () => run(tracing.telemetry.trace.current()!))
