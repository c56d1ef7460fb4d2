import { useTracing } from '../../test-support/tracing.ts'
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attributes, StepName } from '../../ports/trace/trace.ts'
import { context, propagation, SpanKind, SpanStatusCode, trace as api } from '@opentelemetry/api'
import { findSpan, header, inSpan, spans, traceIdOf, tracer, tracing, runUnsampled } from '../../test-support/tracing.ts'

useTracing()

describe('the current trace', () => {
  test('the current trace is null where no span is active', () => {
    expect(tracing.telemetry.trace.current()).toBeNull()
  })

  test('the current trace continues the active span by its header', () => {
    inSpan('request', place => {
      const { traceId, spanId } = api.getActiveSpan()!.spanContext()
      expect(place.traceparent).toBe(`00-${traceId}-${spanId}-01`)
    })
  })

  test('the current trace says where it is not sampled', () => {
    expect(runUnsampled(place => place.traceparent)).toBe(header(7, '00'))
  })
})

describe('a step', () => {
  test("a step gives the result of what it runs, and its span is a child of its caller's", async () => {
    const place = inSpan('request', place => place)
    expect(tracing.telemetry.trace.step('decide', [place], { 'emaki.command': 'order.place' }, () => 17)).toBe(17)
    const promise = Promise.resolve(18)
    expect(tracing.telemetry.trace.step('append', [place], {}, () => promise)).toBe(promise)
    await promise
    const request = findSpan('request').spanContext()
    for (const name of ['decide order.place', 'append events'])
      expect(findSpan(name).parentSpanContext).toMatchObject({ traceId: request.traceId, spanId: request.spanId })
  })

  test('a step has the first recorded caller as its parent, and one link to each of the others', () => {
    const [first, second, third] = ['first', 'second', 'third'].map(name => inSpan(name, place => place))
    tracing.telemetry.trace.step(
      'load',
      [null, runUnsampled(place => place), second!, first!, second!, third!, first!],
      {},
      () => {},
    )
    const { parentSpanContext, links } = findSpan('load events')
    expect(parentSpanContext?.spanId).toBe(findSpan('second').spanContext().spanId)
    expect(links.map(({ context }) => context.spanId)).toEqual(
      ['first', 'third'].map(name => findSpan(name).spanContext().spanId),
    )
  })

  test('a step has 128 links at most', () => {
    const places = Array.from({ length: 300 }, (_, i) => inSpan(`request ${i}`, place => place))
    tracing.telemetry.trace.step('append', places, {}, () => {})
    expect(findSpan('append events').links).toHaveLength(128)
  })

  test('a step continues a trace that is known by its header alone', () => {
    tracing.telemetry.trace.step('decide', [{ traceparent: header(5) }], { 'emaki.command': 'order.place' }, () => {})
    const { parentSpanContext } = findSpan('decide order.place')
    expect(parentSpanContext).toMatchObject({ traceId: traceIdOf(5), isRemote: true })
  })

  test.each([
    ['nobody', () => []],
    ['somebody untraced', () => [null]],
    ['somebody not sampled', () => [runUnsampled(place => place)]],
    ['a header that is none', () => [{ traceparent: 'nonsense' }]],
  ])('a step on behalf of %s is only run', (_, parents) => {
    expect(tracing.telemetry.trace.step('append', parents(), {}, () => 17)).toBe(17)
    expect(spans()).toEqual([])
  })

  test('a step runs in the context of its span, or of its caller, and not of whatever is running', () => {
    const mine = inSpan('mine', place => place)
    inSpan('another', () => {
      expect(tracing.telemetry.trace.step('load', [mine], {}, () => tracing.telemetry.trace.current()!.traceparent)).toStartWith(
        mine.traceparent.slice(0, 35),
      )
      expect(
        tracing.telemetry.trace.step(
          'load',
          [runUnsampled(place => place)],
          {},
          () => tracing.telemetry.trace.current()!.traceparent,
        ),
      ).toBe(header(7, '00'))
      expect(tracing.telemetry.trace.step('publish', [], {}, () => tracing.telemetry.trace.current())).toBeNull()
    })
  })

  test('a step keeps its context, with its baggage, across awaits', async () => {
    const baggage = propagation.createBaggage({ tenant: { value: 'blue' } })
    const place = inSpan('request', () =>
      context.with(propagation.setBaggage(context.active(), baggage), () => tracing.telemetry.trace.current()!),
    )
    await tracing.telemetry.trace.step('append', [place], {}, async () => {
      await Bun.sleep(0)
      expect(propagation.getActiveBaggage()?.getEntry('tenant')?.value).toBe('blue')
      tracer.startSpan('nested').end()
    })
    expect(findSpan('nested').parentSpanContext?.spanId).toBe(findSpan('append events').spanContext().spanId)
  })

  test('a step ends when its promise does', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const step = tracing.telemetry.trace.step('append', [inSpan('request', place => place)], {}, () => promise)
    expect(spans().map(({ name }) => name)).toEqual(['request'])
    resolve(1)
    await step
    expect(findSpan('append events').ended).toBe(true)
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
  ])('a step that %s fails with it, and records the type of the error', async (_, run) => {
    const place = inSpan('request', place => place)
    await expect((async () => tracing.telemetry.trace.step('append', [place], {}, run as () => Promise<void>))()).rejects.toThrow(
      'gone',
    )
    const { status, attributes, events } = findSpan('append events')
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
    ['prepare', 'prepare order.place', SpanKind.INTERNAL, { 'emaki.command': 'order.place' }, { 'emaki.command': 'order.place' }],
    ['decide', 'decide order.place', SpanKind.INTERNAL, { 'emaki.command': 'order.place' }, { 'emaki.command': 'order.place' }],
    [
      'publish',
      'publish events',
      SpanKind.PRODUCER,
      { 'emaki.events': 2 },
      {
        'emaki.events': 2,
        'messaging.system': 'emaki',
        'messaging.destination.name': 'events',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.batch.message_count': 2,
      },
    ],
  ] as const)('a step named %s is the span %s', (name, title, kind, given, expected) => {
    tracing.telemetry.trace.step(name, [inSpan('request', place => place)], given, () => {})
    expect(findSpan(title)).toMatchObject({ kind, status: { code: SpanStatusCode.UNSET } })
    expect(findSpan(title).attributes).toEqual(expected)
  })
})

describe('the list of spans in docs/traces.md', () => {
  const page = readFileSync(join(import.meta.dir, '../../../docs/traces.md'), 'utf8')
  const command = { 'emaki.command': 'order.place' }
  const events = { 'emaki.events': 2 }
  const target = { 'messaging.system': 'nats', 'messaging.destination.name': 'SHOP.>' }
  /** Each step as the paths give it, with the span of the page. */
  const STEPS: Readonly<Record<StepName, readonly [span: string, kind: SpanKind, given: Attributes]>> = {
    dispatch: ['dispatch …', SpanKind.INTERNAL, command],
    load: ['load events', SpanKind.CLIENT, { 'emaki.streams': 2, 'db.system.name': 'sqlite' }],
    prepare: ['prepare …', SpanKind.INTERNAL, command],
    decide: ['decide …', SpanKind.INTERNAL, command],
    append: ['append events', SpanKind.CLIENT, { 'emaki.units': 2, 'db.system.name': 'sqlite' }],
    publish: ['publish events', SpanKind.PRODUCER, events],
    process: ['process …', SpanKind.CONSUMER, { ...events, 'emaki.subscription': 'orders_v1' }],
    relay: ['relay …', SpanKind.PRODUCER, { ...events, ...target, 'emaki.subscription': 'to-nats' }],
    send: ['send …', SpanKind.INTERNAL, command],
    query: ['query …', SpanKind.INTERNAL, { 'emaki.query': 'totals' }],
    statement: ['readModel.list', SpanKind.CLIENT, { 'db.operation.name': 'readModel.list', 'db.system.name': 'sqlite' }],
    cache: ['get cache', SpanKind.CLIENT, { 'emaki.cache.operation': 'get' }],
  }

  test.each(Object.entries(STEPS))(
    'the list has the span of the step %s with its kind and its attributes',
    (name, [span, kind, given]) => {
      tracing.telemetry.trace.step(name as StepName, [inSpan('request', place => place)], given, () => {})
      const made = spans().find(one => one.name !== 'request')!
      expect(made.name.startsWith(span.replace('…', '').trim())).toBe(true)
      const row = page.split('\n').find(line => line.startsWith(`| \`${span}\``))!
      expect([made.kind, row.split('|')[2]!.trim()]).toEqual([kind, SpanKind[kind]])
      expect(Object.keys(made.attributes).filter(attribute => !page.includes(`\`${attribute}\``))).toEqual([])
      expect(made.attributes).toMatchObject(given)
    },
  )

  test('the list names no span that no step makes', () => {
    const rows = [...page.matchAll(/^\| `([^`]+)`.*\| (?:INTERNAL|CLIENT|PRODUCER|CONSUMER) /gm)].map(([, span]) => span)
    expect(rows.toSorted()).toEqual(
      Object.values(STEPS)
        .map(([span]) => span)
        .toSorted(),
    )
  })
})

test('an error in a step sets the status of its span and of each step above that fails by it, and of none that catches it', async () => {
  const { trace } = tracing.telemetry
  const run = (name: StepName, inner: () => Promise<unknown>) =>
    trace.step(name, [trace.current()], { 'emaki.command': 'order.place' }, async () => await inner())
  const fails = () => Promise.reject(new TypeError('no luck'))
  await inSpan('request', () => run('send', () => run('dispatch', () => run('append', fails)).catch(() => null)))
  const statuses = ['append events', 'dispatch order.place', 'send order.place'].map(name => findSpan(name))
  expect(statuses.map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
    [SpanStatusCode.ERROR, 'TypeError'],
    [SpanStatusCode.ERROR, 'TypeError'],
    [SpanStatusCode.UNSET, undefined],
  ])
})

test('a step on behalf of a caller that is known by its headers has its baggage', () => {
  const { trace } = tracing.telemetry
  const caller = { traceparent: header(5), baggage: 'tenant=blue' }
  const inside = trace.step('send', [caller], { 'emaki.command': 'order.place' }, () => trace.current()?.baggage)
  expect(inside).toBe('tenant=blue')
  expect(inSpan('request', place => place.baggage)).toBeUndefined()
})
