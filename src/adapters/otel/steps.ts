// Implements the port to tracing. A step is a span below the first caller that is recorded, and linked to the other
// callers.
import type { Attributes as SpanAttributes, Context, Link, SpanContext, SpanOptions, Tracer } from '@opentelemetry/api'
import type { Attributes, StepName, Trace, TraceContext } from '../../ports/trace/trace.ts'
import { acceptHeaders } from './accept-headers.ts'
import { markFailed } from './failure.ts'
import type { Api } from './packages.ts'

/** The most links of a span, the same as in the SDK. */
const LINKS_MAX = 128
const SAMPLED = 1

/** A place in a trace of this process. Its header is made when it is needed. */
class SpanPlace implements TraceContext {
  readonly #propagation: Api['propagation']
  readonly context: Context
  readonly span: SpanContext

  constructor({ propagation }: Api, context: Context, span: SpanContext) {
    this.#propagation = propagation
    this.context = context
    this.span = span
  }

  get isRecorded(): boolean {
    return (this.span.traceFlags & SAMPLED) !== 0
  }

  get baggage(): string | undefined {
    if (!this.#propagation.getBaggage(this.context)) return undefined
    const headers: { readonly baggage?: string } = {}
    this.#propagation.inject(this.context, headers)
    return headers.baggage
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.span
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  }
}

/**
 * Makes spans of steps. A step runs in the context of its span, not in the context of the running code. If none of its
 * callers is recorded, it runs without a span, in the context of the first caller.
 */
export function steps(api: Api, tracer: Tracer): Trace {
  const { context, propagation, trace, ROOT_CONTEXT } = api

  const placeIn = (at: Context): SpanPlace | null => {
    const span = trace.getSpanContext(at)
    return span && trace.isSpanContextValid(span) ? new SpanPlace(api, at, span) : null
  }
  const placeOf = (waiting: TraceContext | null): SpanPlace | null =>
    waiting === null || waiting instanceof SpanPlace
      ? waiting
      : placeIn(propagation.extract(ROOT_CONTEXT, acceptHeaders({ ...waiting })))

  const linksOf = (places: readonly (SpanPlace | null)[], parent: SpanPlace | null): Link[] => {
    const spans = new Map<string, SpanContext>()
    for (const place of places) {
      if (place?.isRecorded && place.span.spanId !== parent?.span.spanId) spans.set(place.span.spanId, place.span)
      if (spans.size === LINKS_MAX) break
    }
    return Array.from(spans.values(), context => ({ context }))
  }

  const runInSpan = <T>(parent: Context, name: string, options: SpanOptions, run: () => T): T => {
    const span = tracer.startSpan(name, options, parent)
    const fail = (error: unknown) => {
      markFailed(api, span, error)
      span.end()
    }
    try {
      const result = context.with(trace.setSpan(parent, span), run)
      if (result instanceof Promise) result.then(() => span.end(), fail)
      else span.end()
      return result
    } catch (error) {
      fail(error)
      throw error
    }
  }

  return {
    isRecording: true,
    current: () => placeIn(context.active()),
    step(name, parents, attributes, run, relation = 'child') {
      const isRoot = relation === 'root'
      const places = parents.map(placeOf)
      const recorded = places.find(place => place?.isRecorded)
      if (!recorded) {
        const wanted = (isRoot ? null : places.find(place => place !== null)?.context) ?? ROOT_CONTEXT
        return context.active() === wanted ? run() : context.with(wanted, run)
      }
      const { title, ...options } = describeStep(api, name, attributes)
      const links = linksOf(places, isRoot ? null : recorded)
      return runInSpan(isRoot ? ROOT_CONTEXT : recorded.context, title, { ...options, links }, run)
    },
  }
}

type StepSpan = { readonly title: string } & Pick<SpanOptions, 'kind' | 'attributes'>

/**
 * Gives a step its name, kind and attributes by OpenTelemetry's conventions for databases and messaging. Emaki's own
 * attributes begin with `emaki.`.
 */
function describeStep({ SpanKind }: Api, name: StepName, attributes: Attributes): StepSpan {
  switch (name) {
    case 'load':
      return { title: 'load events', kind: SpanKind.CLIENT, attributes: database(name, attributes['emaki.streams'], attributes) }
    case 'append':
      return { title: 'append events', kind: SpanKind.CLIENT, attributes: database(name, attributes['emaki.units'], attributes) }
    case 'statement': {
      const title = String(attributes['db.operation.name'])
      return { title, kind: SpanKind.CLIENT, attributes: { ...attributes, 'db.query.summary': title } }
    }
    case 'cache':
      return { title: `${attributes['emaki.cache.operation']} cache`, kind: SpanKind.CLIENT, attributes }
    case 'publish':
      return { title: 'publish events', kind: SpanKind.PRODUCER, attributes: messaging(name, attributes) }
    case 'relay':
      return {
        title: `relay ${attributes['emaki.subscription']}`,
        kind: SpanKind.PRODUCER,
        attributes: { ...messaging('send', attributes), ...attributes },
      }
    case 'process':
      return {
        title: `process ${attributes['emaki.subscription']}`,
        kind: SpanKind.CONSUMER,
        attributes: messaging(name, attributes),
      }
    case 'send':
      return { title: `send ${attributes['emaki.command']}`, kind: SpanKind.INTERNAL, attributes }
    case 'query':
      return { title: `query ${attributes['emaki.query']}`, kind: SpanKind.INTERNAL, attributes }
    case 'dispatch':
    case 'prepare':
    case 'decide':
      return { title: `${name} ${attributes['emaki.command']}`, kind: SpanKind.INTERNAL, attributes }
  }
}

function database(operation: string, size: string | number | undefined, attributes: Attributes): SpanAttributes {
  return {
    ...attributes,
    'db.operation.name': operation,
    'db.query.summary': `${operation} events`,
    // A single one is not a batch.
    ...(Number(size) > 1 && { 'db.operation.batch.size': Number(size) }),
  }
}

function messaging(operation: string, attributes: Attributes): SpanAttributes {
  return {
    ...attributes,
    'messaging.system': 'emaki',
    'messaging.destination.name': 'events',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation === 'publish' ? 'send' : operation,
    'messaging.batch.message_count': attributes['emaki.events'],
  }
}
