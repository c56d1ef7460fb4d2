// Makes a span for each request: that of @hono/otel, with the corrections and attributes that OpenTelemetry's
// conventions for HTTP servers need.
import type { Attributes, AttributeValue, Context as ParentContext, Span, SpanOptions, Tracer } from '@opentelemetry/api'
import type { Context, MiddlewareHandler } from 'hono'
import { knownMethod, routeOf } from '../../lib/http-request.ts'
import { acceptHeaders } from './accept-headers.ts'
import { markFailed } from './failure.ts'
import type { Api, HonoOtel } from './packages.ts'

/** Signatures and credentials in a query that the conventions want hidden. */
const SECRET =
  /(?<=(?:^|&)(?:AWSAccessKeyId|Signature|sig|X-Goog-Signature|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)=)[^&]*/g

/** Middleware for all paths. It has to run before all other middleware. */
export function requests(api: Api, { httpInstrumentationMiddleware }: HonoOtel, tracer: Tracer): MiddlewareHandler[] {
  const begun: Begun = { span: null, parent: api.ROOT_CONTEXT }
  const record = httpInstrumentationMiddleware({ tracer: correctTracer(api, tracer, begun), spanNameFactory: nameOf })
  return [beginSpan({ api, tracer, begun, record }), completeSpan(api)]
}

/** The span of a request between its begin and @hono/otel, which takes it before it waits for anything. */
type Begun = { span: Span | null; parent: ParentContext }
type Beginning = { readonly api: Api; readonly tracer: Tracer; readonly begun: Begun; readonly record: MiddlewareHandler }

/**
 * Begins the span of a request. One that is not recorded goes past @hono/otel, whose work for it would be a third of that
 * for a command.
 */
function beginSpan({ api, tracer, begun, record }: Beginning): MiddlewareHandler {
  const { context, propagation, trace, SpanKind } = api
  const headers = propagation.fields()
  return (c, next) => {
    const isContinued = headers.some(name => c.req.header(name) !== undefined)
    const parent = isContinued ? propagation.extract(context.active(), acceptHeaders(c.req.header())) : context.active()
    const span = tracer.startSpan(nameOf(c), { kind: SpanKind.SERVER, attributes: methodOf(c.req.method) }, parent)
    if (!span.isRecording()) return context.with(trace.setSpan(parent, span), next)
    begun.span = span
    begun.parent = parent
    return record(c, next)
  }
}

function completeSpan(api: Api): MiddlewareHandler {
  return async (c, next) => {
    const span = api.trace.getActiveSpan()
    if (!span?.isRecording()) return next()
    span.setAttributes(attributesOf(c))
    try {
      await next()
    } catch (error) {
      // Only a thrown value that is no Error comes here. Hono answers Errors, and keeps them in c.error.
      markFailed(api, span, error)
      throw error
    }
    const route = routeOf(c)
    if (route) span.setAttribute('http.route', route)
    const { status } = c.res
    if (status >= 500) markFailed(api, span, c.error, c.error && c.error.name !== 'Error' ? c.error.name : String(status))
  }
}

/** Makes the tracer for @hono/otel, which gives it the span that has begun. It keeps data that is against the conventions away from the span. */
function correctTracer({ context, trace }: Api, tracer: Tracer, begun: Begun): Tracer {
  const startActiveSpan = <T>(_: string, __: SpanOptions, ___: ParentContext, run: (span: Span) => T): T => {
    const span = begun.span!
    begun.span = null
    return context.with(trace.setSpan(begun.parent, span), () => run(ignoreMiddleware(span)))
  }
  // @hono/otel uses no other form of startActiveSpan.
  return { startSpan: tracer.startSpan.bind(tracer), startActiveSpan: startActiveSpan as Tracer['startActiveSpan'] }
}

/** Makes a span that ignores the route of the middleware, and exceptions as failures: an exception may be a 401. */
function ignoreMiddleware(span: Span): Span {
  return new Proxy(span, {
    get(_, name) {
      if (name === 'setStatus' || name === 'recordException') return () => span
      if (name === 'setAttribute')
        return (key: string, value: AttributeValue) => (key === 'http.route' ? span : span.setAttribute(key, value))
      const value: unknown = Reflect.get(span, name)
      return typeof value === 'function' ? value.bind(span) : value
    },
  })
}

function methodOf(method: string): Attributes {
  return knownMethod(method)
    ? { 'http.request.method': method }
    : { 'http.request.method': '_OTHER', 'http.request.method_original': method }
}

function nameOf(c: Context): string {
  const method = knownMethod(c.req.method) ?? 'HTTP'
  const route = routeOf(c)
  return route ? `${method} ${route}` : method
}

function attributesOf(c: Context): Attributes {
  const url = new URL(c.req.url)
  const scheme = forwardedHeader(c, 'proto') ?? url.protocol.slice(0, -1)
  const peer = peerOf(c)
  return {
    'url.path': url.pathname,
    'url.scheme': scheme,
    'url.query': url.search ? url.search.slice(1).replaceAll(SECRET, 'REDACTED') : undefined,
    'server.address': url.hostname,
    'server.port': Number(url.port) || (scheme === 'https' ? 443 : 80),
    'client.address': forwardedHeader(c, 'for') ?? peer?.address,
    'network.peer.address': peer?.address,
    'network.peer.port': peer?.port,
    'user_agent.original': c.req.header('user-agent'),
  }
}

/** The value that the first proxy reported. */
function forwardedHeader(c: Context, what: 'for' | 'proto'): string | undefined {
  return c.req.header(`x-forwarded-${what}`)?.split(',')[0]?.trim() || undefined
}

/** The address of the peer. With `Bun.serve({ fetch: app.fetch })` the server is the environment, or a member of it. */
function peerOf(c: Context): Bun.SocketAddress | null | undefined {
  const env = c.env as { requestIP?: Bun.Server<unknown>['requestIP']; server?: Bun.Server<unknown> } | undefined
  const server = env?.server ?? env
  return server?.requestIP?.(c.req.raw)
}
