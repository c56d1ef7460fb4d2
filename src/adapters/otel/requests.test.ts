import { useTracing } from '../../test-support/tracing.ts'
import { describe, expect, test } from 'bun:test'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import { app as emaki } from '../../../routes/app.ts'
import { decider } from '../../definitions/decider/decider.ts'
import { events, spec } from '../../definitions/event/events.ts'
import { projection } from '../../definitions/projection/projection.ts'
import { query } from '../../definitions/query.ts'
import { memoryCache } from '../../ports/cache/memory.ts'
import { memory } from '../../ports/store/memory.ts'
import { exporter, findSpan, header, spans, traceIdOf, tracing } from '../../test-support/tracing.ts'

useTracing()

describe('a request', () => {
  class Broken extends Error {
    override readonly name = 'Broken'
  }
  const app = () =>
    new Hono()
      .use(...tracing.telemetry.middleware)
      .use(async (_, next) => next())
      .use('/closed/*', async c => c.text('no', 403))
      .get('/closed/:door', c => c.text('open'))
      .all('/order/:id', c => c.json({ trace: tracing.telemetry.trace.current()?.traceparent }))
      .get('/unauthorized', () => {
        throw new HTTPException(401)
      })
      .get('/down', c => c.text('later', 503))
      .get('/broken', () => {
        throw new Broken('pipe')
      })
      .get('/thrown', () => {
        throw 'a text'
      })
      .onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text('sorry', 500)))
  const getOnlySpan = (): ReadableSpan => {
    expect(spans()).toHaveLength(1)
    return spans()[0]!
  }

  test('the span of a request has the attributes of a server span and no others', async () => {
    await app().request('http://shop.example:8080/order/o1?full=1&sig=secret', { headers: { 'User-Agent': 'curl/8' } })
    expect(getOnlySpan()).toMatchObject({ name: 'GET /order/:id', kind: SpanKind.SERVER, status: { code: SpanStatusCode.UNSET } })
    expect(getOnlySpan().attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'http.route': '/order/:id',
      'server.address': 'shop.example',
      'server.port': 8080,
      'url.path': '/order/o1',
      'url.query': 'full=1&sig=REDACTED',
      'url.scheme': 'http',
      'user_agent.original': 'curl/8',
    })
  })

  test('the span of a request names the client, also behind a proxy', async () => {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', development: false, fetch: app().fetch })
    try {
      await fetch(new URL('/order/o1', server.url))
      expect(getOnlySpan().attributes).toMatchObject({
        'client.address': '127.0.0.1',
        'network.peer.address': '127.0.0.1',
        'network.peer.port': expect.any(Number),
        'server.address': server.hostname!,
        'server.port': server.port!,
      })
      exporter.reset()
      const headers = { Host: 'shop.example', 'X-Forwarded-For': '203.0.113.9, 10.0.0.1', 'X-Forwarded-Proto': 'https' }
      await fetch(new URL('/order/o1', server.url), { headers })
      expect(getOnlySpan().attributes).toMatchObject({
        'client.address': '203.0.113.9',
        'network.peer.address': '127.0.0.1',
        'server.address': 'shop.example',
        'server.port': 443,
        'url.scheme': 'https',
      })
    } finally {
      await server.stop(true)
    }
  })

  test('the span of a request continues the trace that came with it', async () => {
    const answer = await app().request('/order/o1', { headers: { traceparent: header(9), tracestate: 'vendor=1' } })
    expect(getOnlySpan().parentSpanContext).toMatchObject({ traceId: traceIdOf(9), spanId: '00000000000000ff', isRemote: true })
    expect(getOnlySpan().spanContext().traceState?.serialize()).toBe('vendor=1')
    expect(((await answer.json()) as { trace: string }).trace).toBe(`00-${traceIdOf(9)}-${getOnlySpan().spanContext().spanId}-01`)
  })

  test('a request that is not sampled keeps its trace and records nothing', async () => {
    const answer = await app().request('/order/o1', { headers: { traceparent: header(9, '00') } })
    expect(((await answer.json()) as { trace: string }).trace).toMatch(new RegExp(`^00-${traceIdOf(9)}-[0-9a-f]{16}-00$`))
    expect(spans()).toEqual([])
  })

  test('the span of a request by an unknown method is HTTP, and its method _OTHER', async () => {
    await app().request('/order/o1', { method: 'PROPFIND' })
    expect(getOnlySpan().name).toBe('HTTP /order/:id')
    expect(getOnlySpan().attributes).toMatchObject({
      'http.request.method': '_OTHER',
      'http.request.method_original': 'PROPFIND',
    })
  })

  test('a request that a middleware answers has the route it was for', async () => {
    await app().request('/closed/front')
    expect(getOnlySpan()).toMatchObject({ name: 'GET /closed/:door', status: { code: SpanStatusCode.UNSET } })
    expect(getOnlySpan().attributes).toMatchObject({ 'http.route': '/closed/:door', 'http.response.status_code': 403 })
    expect(getOnlySpan().attributes).not.toHaveProperty('error.type')
  })

  test('a request for no route has no route in its span', async () => {
    await app().request('/nowhere')
    expect(getOnlySpan()).toMatchObject({ name: 'GET', status: { code: SpanStatusCode.UNSET } })
    expect(getOnlySpan().attributes).not.toHaveProperty('http.route')
    expect(getOnlySpan().attributes['http.response.status_code']).toBe(404)
  })

  test('a request refused by an exception is no failure', async () => {
    await app().request('/unauthorized')
    expect(getOnlySpan()).toMatchObject({ name: 'GET /unauthorized', status: { code: SpanStatusCode.UNSET }, events: [] })
    expect(getOnlySpan().attributes).not.toHaveProperty('error.type')
  })

  test.each([
    ['/down', 503, '503', []],
    ['/broken', 500, 'Broken', [{ name: 'exception', attributes: { 'exception.message': 'pipe' } }]],
  ])('a request of %s fails as %d of type %s', async (path, status, type, events) => {
    await app().request(path)
    expect(getOnlySpan()).toMatchObject({ name: `GET ${path}`, status: { code: SpanStatusCode.ERROR }, events })
    expect(getOnlySpan().attributes).toMatchObject({ 'http.response.status_code': status, 'error.type': type })
  })

  test('a request that throws a value that is no error fails too', async () => {
    await expect((async () => app().request('/thrown'))()).rejects.toBe('a text')
    expect(getOnlySpan()).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': '_OTHER' } })
  })
})

describe('an app', () => {
  const Counter = events('counter', { Added: z.object({ by: z.int() }) })
  const counter = decider(Counter, {
    initial: { sum: 0 },
    evolve: { Added: ({ sum }, { by }) => ({ sum: sum + by }) },
    commands: { add: z.object({ by: z.int() }) },
    decide: { add: (_, { by }) => Counter.Added({ by }) },
  })
  type TracedEvent = { readonly data: { readonly by: number }; readonly meta: { readonly traceparent: string } }
  const buildTracedApp = () =>
    new Hono()
      .use(...tracing.telemetry.middleware)
      .route('/', emaki({ serve: [counter], store: memory(), trace: tracing.telemetry.trace }))
  const add = (app: Hono, id: string, by: number, flags?: string) =>
    app.request(`/counter/${id}/add`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent: header(by, flags) },
      body: JSON.stringify({ by }),
    })

  test('an app traces a command from request to append, in the trace that it came with', async () => {
    expect((await add(buildTracedApp(), 'c1', 3)).status).toBe(201)
    const request = findSpan('POST /counter/:id/add')
    const dispatch = findSpan('dispatch counter.add')
    expect(dispatch.parentSpanContext).toMatchObject({ traceId: traceIdOf(3), spanId: request.spanContext().spanId })
    for (const name of ['load events', 'decide counter.add', 'append events'])
      expect(findSpan(name).parentSpanContext).toMatchObject({ traceId: traceIdOf(3), spanId: dispatch.spanContext().spanId })
  })

  test('an app traces a query to its rows and to the shared cache, each a step of the query or of the request', async () => {
    const totals = projection('totals', {
      from: Counter,
      row: z.object({ sum: z.int() }),
      initial: { sum: 0 },
      evolve: { Added: ({ sum }, { by }) => ({ sum: sum + by }) },
    })
    const whole = query('whole', {
      params: z.object({}),
      cache: { ttl: '1 hour' },
      run: async (_, read) => (await read(totals).list({})).length,
    })
    const store = memory()
    const shared = () => memoryCache()
    const served = emaki({ serve: [counter, totals, whole], store, cache: shared, trace: tracing.telemetry.trace })
    const app = new Hono().use(...tracing.telemetry.middleware).route('/', served)
    await add(app, 'c1', 2)
    exporter.reset()
    const position = String(await store.head())
    expect((await app.request('/whole', { headers: { traceparent: header(9), 'Min-Position': position } })).status).toBe(200)
    const request = findSpan('GET /whole')
    for (const [name, system] of [
      ['readModel.list', 'memory'],
      ['get cache', undefined],
      ['set cache', undefined],
    ] as const) {
      const span = findSpan(name)
      expect([span.spanContext().traceId, span.kind, span.attributes['db.system.name']]).toEqual([
        traceIdOf(9),
        SpanKind.CLIENT,
        system,
      ])
    }
    expect(findSpan('readModel.list').parentSpanContext!.spanId).toBe(findSpan('query whole').spanContext().spanId)
    expect(findSpan('query whole').parentSpanContext!.spanId).toBe(request.spanContext().spanId)
    await served[spec].stop()
  })

  test('an app stores with each event the trace of its own request, with 200 requests at once', async () => {
    const app = buildTracedApp()
    const numbers = Array.from({ length: 200 }, (_, i) => i + 1)
    // A third is not sampled; 8 streams are shared, so that batches carry commands of many traces.
    await Promise.all(numbers.map(n => add(app, `c${n % 8}`, n, n % 3 === 0 ? '00' : '01')))
    let checked = 0
    for (let stream = 0; stream < 8; stream++) {
      const answer = await app.request(`/streams/counter-c${stream}`)
      for (const { data, meta } of ((await answer.json()) as { events: TracedEvent[] }).events) {
        expect(meta.traceparent).toMatch(new RegExp(`^00-${traceIdOf(data.by)}-[0-9a-f]{16}-0${data.by % 3 === 0 ? 0 : 1}$`))
        checked++
      }
    }
    expect(checked).toBe(200)
    const decided = spans().filter(({ name }) => name === 'decide counter.add')
    expect(new Set(decided.map(span => span.spanContext().traceId)).size).toBe(numbers.filter(n => n % 3 !== 0).length)
  })
})
