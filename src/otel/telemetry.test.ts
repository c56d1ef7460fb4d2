import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace as api } from '@opentelemetry/api'
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
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import { app as emaki } from '../../routes/app.ts'
import { decider } from '../decider/decider.ts'
import { events } from '../event/events.ts'
import { memory } from '../store/memory.ts'
import type { TraceContext } from '../trace/trace.ts'
import { type Telemetry, telemetry } from './index.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({
  sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
})
const tracer = tracerProvider.getTracer('test')
let { trace, middleware } = {} as Telemetry

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  )
  ;({ trace, middleware } = await telemetry({ tracerProvider }))
})
beforeEach(() => exporter.reset())
afterAll(() => {
  context.disable()
  propagation.disable()
})

const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans()
const named = (name: string): ReadableSpan => {
  const found = spans().find(span => span.name === name)
  if (!found) throw new Error(`expected a span ${name}, found ${spans().map(span => span.name)}`)
  return found
}
const traceIdOf = (n: number): string => n.toString(16).padStart(32, '0')
const header = (n: number, flags = '01'): string => `00-${traceIdOf(n)}-00000000000000ff-${flags}`
/** Runs within a span of its own, as a request does. */
const inSpan = <T>(name: string, run: (place: TraceContext) => T): T =>
  tracer.startActiveSpan(name, {}, ROOT_CONTEXT, span => {
    try {
      return run(trace.current()!)
    } finally {
      span.end()
    }
  })
const unsampled = <T>(run: (place: TraceContext) => T): T =>
  context.with(propagation.extract(ROOT_CONTEXT, { traceparent: header(7, '00') }), () => run(trace.current()!))

describe('current', () => {
  test('is null where nothing is active', () => {
    expect(trace.current()).toBeNull()
  })

  test('continues the active span by its header', () => {
    inSpan('request', place => {
      const { traceId, spanId } = api.getActiveSpan()!.spanContext()
      expect(place.traceparent).toBe(`00-${traceId}-${spanId}-01`)
    })
  })

  test('says so where the trace is not sampled', () => {
    expect(unsampled(place => place.traceparent)).toBe(header(7, '00'))
  })
})

describe('a step', () => {
  test('gives what it runs, and is a span below the one who waits', async () => {
    const place = inSpan('request', place => place)
    expect(trace.step('decide', [place], { 'emaki.command': 'order.place' }, () => 17)).toBe(17)
    const promise = Promise.resolve(18)
    expect(trace.step('append', [place], {}, () => promise)).toBe(promise)
    await promise
    const request = named('request').spanContext()
    for (const name of ['decide order.place', 'append events'])
      expect(named(name).parentSpanContext).toMatchObject({ traceId: request.traceId, spanId: request.spanId })
  })

  test('has the first who is recorded as its parent, and links to the others, once each', () => {
    const [first, second, third] = ['first', 'second', 'third'].map(name => inSpan(name, place => place))
    trace.step('load', [null, unsampled(place => place), second!, first!, second!, third!, first!], {}, () => {})
    const { parentSpanContext, links } = named('load events')
    expect(parentSpanContext?.spanId).toBe(named('second').spanContext().spanId)
    expect(links.map(({ context }) => context.spanId)).toEqual(['first', 'third'].map(name => named(name).spanContext().spanId))
  })

  test('has 128 links at most', () => {
    const places = Array.from({ length: 300 }, (_, i) => inSpan(`request ${i}`, place => place))
    trace.step('append', places, {}, () => {})
    expect(named('append events').links).toHaveLength(128)
  })

  test('continues a trace that is known by its header alone', () => {
    trace.step('decide', [{ traceparent: header(5) }], { 'emaki.command': 'order.place' }, () => {})
    const { parentSpanContext } = named('decide order.place')
    expect(parentSpanContext).toMatchObject({ traceId: traceIdOf(5), isRemote: true })
  })

  test.each([
    ['nobody', () => []],
    ['somebody untraced', () => [null]],
    ['somebody not sampled', () => [unsampled(place => place)]],
    ['a header that is none', () => [{ traceparent: 'nonsense' }]],
  ])('on behalf of %s is only run', (_, parents) => {
    expect(trace.step('append', parents(), {}, () => 17)).toBe(17)
    expect(spans()).toEqual([])
  })

  test('runs in the context of its span, or of whom it is for, and not of whoever is running', () => {
    const mine = inSpan('mine', place => place)
    inSpan('another', () => {
      expect(trace.step('load', [mine], {}, () => trace.current()!.traceparent)).toStartWith(mine.traceparent.slice(0, 35))
      expect(trace.step('load', [unsampled(place => place)], {}, () => trace.current()!.traceparent)).toBe(header(7, '00'))
      expect(trace.step('publish', [], {}, () => trace.current())).toBeNull()
    })
  })

  test('keeps its context, with its baggage, across awaits', async () => {
    const baggage = propagation.createBaggage({ tenant: { value: 'blue' } })
    const place = inSpan('request', () => context.with(propagation.setBaggage(context.active(), baggage), () => trace.current()!))
    await trace.step('append', [place], {}, async () => {
      await Bun.sleep(0)
      expect(propagation.getActiveBaggage()?.getEntry('tenant')?.value).toBe('blue')
      tracer.startSpan('nested').end()
    })
    expect(named('nested').parentSpanContext?.spanId).toBe(named('append events').spanContext().spanId)
  })

  test('ends when its promise does', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const step = trace.step('append', [inSpan('request', place => place)], {}, () => promise)
    expect(spans().map(({ name }) => name)).toEqual(['request'])
    resolve(1)
    await step
    expect(named('append events').ended).toBe(true)
  })

  class LockTimeout extends Error {
    override readonly name = 'LockTimeout'
  }
  test.each([
    [
      'throws',
      () => {
        throw new LockTimeout('gone')
      },
    ],
    ['rejects', () => Promise.reject(new LockTimeout('gone'))],
  ])('that %s fails with it, and says of what', async (_, run) => {
    const place = inSpan('request', place => place)
    await expect((async () => trace.step('append', [place], {}, run as () => Promise<void>))()).rejects.toThrow('gone')
    const { status, attributes, events } = named('append events')
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'gone' })
    expect(attributes['error.type']).toBe('LockTimeout')
    expect(events[0]).toMatchObject({
      name: 'exception',
      attributes: { 'exception.type': 'LockTimeout', 'exception.message': 'gone' },
    })
  })

  test.each([
    [
      'load',
      'load events',
      SpanKind.CLIENT,
      { 'emaki.streams': 3, 'db.system.name': 'postgresql' },
      {
        'emaki.streams': 3,
        'db.system.name': 'postgresql',
        'db.operation.name': 'load',
        'db.query.summary': 'load events',
        'db.operation.batch.size': 3,
      },
    ],
    [
      'append',
      'append events',
      SpanKind.CLIENT,
      { 'emaki.units': 1, 'db.system.name': 'sqlite' },
      { 'emaki.units': 1, 'db.system.name': 'sqlite', 'db.operation.name': 'append', 'db.query.summary': 'append events' },
    ],
    ['decide', 'decide order.place', SpanKind.INTERNAL, { 'emaki.command': 'order.place' }, { 'emaki.command': 'order.place' }],
    [
      'publish',
      'publish events',
      SpanKind.PRODUCER,
      { 'emaki.events': 2 },
      {
        'emaki.events': 2,
        'messaging.system.name': 'emaki',
        'messaging.destination.name': 'events',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.batch.message_count': 2,
      },
    ],
  ] as const)('%s is %s', (name, title, kind, given, told) => {
    trace.step(name, [inSpan('request', place => place)], given, () => {})
    expect(named(title)).toMatchObject({ kind, status: { code: SpanStatusCode.UNSET } })
    expect(named(title).attributes).toEqual(told)
  })
})

describe('a request', () => {
  class Broken extends Error {
    override readonly name = 'Broken'
  }
  const app = () =>
    new Hono()
      .use(...middleware)
      .use(async (_, next) => next())
      .use('/closed/*', async c => c.text('no', 403))
      .get('/closed/:door', c => c.text('open'))
      .all('/order/:id', c => c.json({ trace: trace.current()?.traceparent }))
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
  const only = (): ReadableSpan => {
    expect(spans()).toHaveLength(1)
    return spans()[0]!
  }

  test('has the attributes of a server span and no others', async () => {
    await app().request('http://shop.example:8080/order/o1?full=1&sig=secret', { headers: { 'User-Agent': 'curl/8' } })
    expect(only()).toMatchObject({ name: 'GET /order/:id', kind: SpanKind.SERVER, status: { code: SpanStatusCode.UNSET } })
    expect(only().attributes).toEqual({
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

  test('knows who is connected, and who is behind a proxy', async () => {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', development: false, fetch: app().fetch })
    try {
      await fetch(new URL('/order/o1', server.url))
      expect(only().attributes).toMatchObject({
        'client.address': '127.0.0.1',
        'network.peer.address': '127.0.0.1',
        'network.peer.port': expect.any(Number),
        'server.address': server.hostname!,
        'server.port': server.port!,
      })
      exporter.reset()
      const headers = { Host: 'shop.example', 'X-Forwarded-For': '203.0.113.9, 10.0.0.1', 'X-Forwarded-Proto': 'https' }
      await fetch(new URL('/order/o1', server.url), { headers })
      expect(only().attributes).toMatchObject({
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

  test('continues the trace that came with it', async () => {
    const answer = await app().request('/order/o1', { headers: { traceparent: header(9), tracestate: 'vendor=1' } })
    expect(only().parentSpanContext).toMatchObject({ traceId: traceIdOf(9), spanId: '00000000000000ff', isRemote: true })
    expect(only().spanContext().traceState?.serialize()).toBe('vendor=1')
    expect(((await answer.json()) as { trace: string }).trace).toBe(`00-${traceIdOf(9)}-${only().spanContext().spanId}-01`)
  })

  test('that is not sampled keeps its trace and records nothing', async () => {
    const answer = await app().request('/order/o1', { headers: { traceparent: header(9, '00') } })
    expect(((await answer.json()) as { trace: string }).trace).toMatch(new RegExp(`^00-${traceIdOf(9)}-[0-9a-f]{16}-00$`))
    expect(spans()).toEqual([])
  })

  test('by a method that few know is HTTP and _OTHER', async () => {
    await app().request('/order/o1', { method: 'PROPFIND' })
    expect(only().name).toBe('HTTP /order/:id')
    expect(only().attributes).toMatchObject({ 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' })
  })

  test('that a middleware answers has the route it was for', async () => {
    await app().request('/closed/front')
    expect(only()).toMatchObject({ name: 'GET /closed/:door', status: { code: SpanStatusCode.UNSET } })
    expect(only().attributes).toMatchObject({ 'http.route': '/closed/:door', 'http.response.status_code': 403 })
    expect(only().attributes).not.toHaveProperty('error.type')
  })

  test('for no route has none', async () => {
    await app().request('/nowhere')
    expect(only()).toMatchObject({ name: 'GET', status: { code: SpanStatusCode.UNSET } })
    expect(only().attributes).not.toHaveProperty('http.route')
    expect(only().attributes['http.response.status_code']).toBe(404)
  })

  test('refused by an exception is no failure', async () => {
    await app().request('/unauthorized')
    expect(only()).toMatchObject({ name: 'GET /unauthorized', status: { code: SpanStatusCode.UNSET }, events: [] })
    expect(only().attributes).not.toHaveProperty('error.type')
  })

  test.each([
    ['/down', 503, '503', []],
    ['/broken', 500, 'Broken', [{ name: 'exception', attributes: { 'exception.message': 'pipe' } }]],
  ])('of %s fails as %d of type %s', async (path, status, type, events) => {
    await app().request(path)
    expect(only()).toMatchObject({ name: `GET ${path}`, status: { code: SpanStatusCode.ERROR }, events })
    expect(only().attributes).toMatchObject({ 'http.response.status_code': status, 'error.type': type })
  })

  test('that throws what is no error fails too', async () => {
    await expect((async () => app().request('/thrown'))()).rejects.toBe('a text')
    expect(only()).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': '_OTHER' } })
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
  type Stored = { readonly data: { readonly by: number }; readonly meta: { readonly traceparent: string } }
  const served = () => new Hono().use(...middleware).route('/', emaki({ serve: [counter], store: memory(), trace }))
  const add = (app: Hono, id: string, by: number, flags?: string) =>
    app.request(`/counter/${id}/add`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent: header(by, flags) },
      body: JSON.stringify({ by }),
    })

  test('traces a command from request to append, in the trace that it came with', async () => {
    expect((await add(served(), 'c1', 3)).status).toBe(201)
    const request = named('POST /counter/:id/add')
    for (const name of ['load events', 'decide counter.add', 'append events'])
      expect(named(name).parentSpanContext).toMatchObject({ traceId: traceIdOf(3), spanId: request.spanContext().spanId })
  })

  test('stores with each event the trace of its own request, 200 being interleaved', async () => {
    const app = served()
    const numbers = Array.from({ length: 200 }, (_, i) => i + 1)
    // A third is not sampled; 8 streams are shared, so that flights carry commands of many traces.
    await Promise.all(numbers.map(n => add(app, `c${n % 8}`, n, n % 3 === 0 ? '00' : '01')))
    let seen = 0
    for (let stream = 0; stream < 8; stream++) {
      const answer = await app.request(`/streams/counter-c${stream}`)
      for (const { data, meta } of ((await answer.json()) as { events: Stored[] }).events) {
        expect(meta.traceparent).toMatch(new RegExp(`^00-${traceIdOf(data.by)}-[0-9a-f]{16}-0${data.by % 3 === 0 ? 0 : 1}$`))
        seen++
      }
    }
    expect(seen).toBe(200)
    const decided = spans().filter(({ name }) => name === 'decide counter.add')
    expect(new Set(decided.map(span => span.spanContext().traceId)).size).toBe(numbers.filter(n => n % 3 !== 0).length)
  })
})

describe('a tracerProvider of yours', () => {
  test('is flushed at the end, and left running', async () => {
    let flushed = 0
    const yours = { getTracer: () => tracer, forceFlush: async () => void flushed++ }
    const { shutdown } = await telemetry({ tracerProvider: yours })
    await shutdown()
    expect(flushed).toBe(1)
    inSpan('later', () => {})
    expect(named('later').ended).toBe(true)
  })

  test('is refused without a context manager, which would leave each span alone', async () => {
    context.disable()
    try {
      await expect(telemetry({ tracerProvider })).rejects.toThrow('a tracerProvider needs a context manager')
    } finally {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    }
  })
})
