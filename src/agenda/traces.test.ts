// How long a trace gets over what follows from events.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import type { Served } from '../definitions/definition.ts'
import { events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import { processor } from '../definitions/processor.ts'
import { memory } from '../ports/store/memory.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'
import { findSpan, header, spans, traceIdOf, tracing, useTracing } from '../test-support/tracing.ts'
import { COMMANDS_MAX, continuesTrace, HOPS_MAX, TRACE_MS_MAX, TraceReach } from './trace-reach.ts'

useTracing()

const Round = events('round', { Begun: z.object({ left: z.int() }) })
const round = decider(Round, {
  initial: {},
  evolve: { Begun: state => state },
  commands: { begin: z.object({ left: z.int() }) },
  decide: { begin: (_, data) => Round.Begun(data) },
})

const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function startTraced(serve: readonly Served[], now: () => number = Date.now): Promise<Runtime> {
  const emaki = await runtime({ serve, store: memory({ now }), now, trace: tracing.telemetry.trace })
  running.push(emaki)
  return emaki
}

/** How many commands each trace has sent. */
function sendsByTrace(): readonly number[] {
  const found = spans().filter(({ name }) => name === 'send round.begin')
  return Object.values(Object.groupBy(found, span => span.spanContext().traceId)).map(sent => sent!.length)
}

const begin = (emaki: Runtime, left: number) => emaki.send(round.begin('r1', { left }), { traceparent: header(5) })
const untilOver = (emaki: Runtime, many: number) =>
  until('it is over', async () => (await emaki.store.readAll({ after: many - 1, limit: 1 })).length === 1)

describe('a command that follows from an event', () => {
  const makeId = (ms: number) => Bun.randomUUIDv7('hex', ms)
  test.each([
    ['continues the trace of a young cause', { causation: makeId(1_000_000) }, 1, 1_000_000 + TRACE_MS_MAX - 1, true],
    [
      'begins a trace of its own where its cause is nearly a minute old',
      { causation: makeId(1_000_000) },
      1,
      1_000_000 + TRACE_MS_MAX,
      false,
    ],
    ['begins a trace of its own at its second attempt', { causation: makeId(1_000_000) }, 2, 1_000_000, false],
    ['continues the trace of few commands', { causation: makeId(1_000_000), hops: HOPS_MAX - 1 }, 1, 1_000_000, true],
    ['begins a trace of its own behind many commands', { causation: makeId(1_000_000), hops: HOPS_MAX }, 1, 1_000_000, false],
    ['begins a trace of its own where nobody knows the age of its cause', { causation: 'a file' }, 1, 1_000_000, false],
  ] as const)('a command that follows from an event %s', (_, cause, attempt, now, expected) => {
    expect(continuesTrace(cause, attempt, now)).toBe(expected)
  })
})

describe('the reach of a trace', () => {
  const cause = (ms: number, trace: number, flags = '01') => ({
    causation: Bun.randomUUIDv7('hex', ms),
    traceparent: header(trace, flags),
  })

  test('a trace takes so many commands, and no more, however they branch; another trace has a number of its own', () => {
    const reach = new TraceReach()
    const taken = (trace: number, flags?: string) =>
      Array.from({ length: COMMANDS_MAX + 10 }, () => reach.continues(cause(1_000, trace, flags), 1, 1_000)).filter(Boolean)
        .length
    expect([taken(1), taken(2), taken(3, '00')]).toEqual([COMMANDS_MAX, COMMANDS_MAX, COMMANDS_MAX + 10])
  })

  test('a trace is over a time after its first cause, also where each cause follows at once from the one before', () => {
    const reach = new TraceReach()
    const ends = [0, TRACE_MS_MAX / 2, TRACE_MS_MAX - 1, TRACE_MS_MAX, TRACE_MS_MAX + 1]
    expect(ends.map(now => reach.continues(cause(now, 1), 1, now))).toEqual([true, true, true, false, false])
  })
})

describe('a trace', () => {
  test('no trace of a process that branches at each event has more than 2 000 spans', async () => {
    // Each event leads to four commands: without a bound it is one trace of all.
    const branching = processManager('branching', {
      from: Round,
      to: round,
      begins: 'Begun',
      initial: {},
      evolve: {},
      react: {
        Begun: (_, { left }, { instance }) =>
          left > 0 ? ['a', 'b', 'c', 'd'].map(one => round.begin(`${instance}${one}`, { left: left - 1 })) : [],
      },
      on: { rejected: () => [], failed: () => [] },
    })
    const emaki = await startTraced([round, branching])
    await emaki.send(round.begin('r', { left: 5 }), { traceparent: header(5) })
    const many = 1 + 4 + 16 + 64 + 256 + 1_024
    await until('all of it is over', async () => (await emaki.store.head()) >= many)
    const traces = Object.values(Object.groupBy(spans(), span => span.spanContext().traceId)).map(found => found!.length)
    expect(Math.max(...traces)).toBeLessThanOrEqual(2_000)
    expect(spans().filter(({ name }) => name === 'send round.begin')).toHaveLength(many - 1)
  })

  test('a trace of a process that goes on for ever ends after some commands, and the next is linked to it', async () => {
    const endless = processManager('endless', {
      from: Round,
      to: round,
      begins: 'Begun',
      initial: {},
      evolve: {},
      react: { Begun: (_, { left }, { instance }) => (left > 0 ? round.begin(instance, { left: left - 1 }) : []) },
      on: { rejected: () => [], failed: () => [] },
    })
    const emaki = await startTraced([round, endless])
    await begin(emaki, 3 * HOPS_MAX)
    await untilOver(emaki, 3 * HOPS_MAX + 1)
    expect(Math.max(...sendsByTrace())).toBe(HOPS_MAX)
    const sent = spans().filter(({ name }) => name === 'send round.begin')
    const roots = sent.filter(({ parentSpanContext }) => !parentSpanContext)
    expect(roots.length).toBeGreaterThan(0)
    for (const { links } of roots) expect(links).toHaveLength(1)
  })

  test('a trace does not go on in a timer, which has one of its own with a link, nor in what follows from it', async () => {
    let now = 1_700_000_000_000
    const late = processManager('late', {
      from: Round,
      to: round,
      begins: 'Begun',
      initial: {},
      evolve: {},
      react: {
        Begun: (_, { left }, { instance }) => (left > 0 ? after('30 days', 'late', round.begin(instance, { left: 0 })) : []),
      },
      on: { rejected: () => [], failed: () => [] },
    })
    const emaki = await startTraced([round, late], () => now)
    await begin(emaki, 1)
    await until('the timer is set', async () => (await emaki.store.agenda.list({ timers: true, limit: 9 })).length === 1)
    now += 31 * 86_400_000
    emaki.pollAgenda()
    await untilOver(emaki, 3)
    const { links, parentSpanContext } = findSpan('send late.late')
    expect([parentSpanContext, links.map(({ context }) => context.traceId)]).toEqual([undefined, [traceIdOf(5)]])
    const [last] = await emaki.store.readAll({ after: 2, limit: 1 })
    expect(last!.meta).not.toContain(traceIdOf(5))
  })

  test('a page of events is a trace of its own, with links to those of its events', async () => {
    const heard = processor('heard', { from: Round, handle: () => {} })
    const emaki = await startTraced([round, heard])
    await begin(emaki, 0)
    await until('it is handled', () => spans().some(({ name }) => name === 'process heard'))
    const { links, parentSpanContext } = findSpan('process heard')
    expect([parentSpanContext, links.map(({ context }) => context.traceId)]).toEqual([undefined, [traceIdOf(5)]])
  })

  test('a page of events that are long in the log is no trace, as a rebuild reads them all', async () => {
    const heard = processor('heard', { from: Round, handle: () => {} })
    const emaki = await startTraced([round, heard], () => Date.now() - 3_600_000)
    await begin(emaki, 0)
    await until('it is handled', async () => (await emaki.status())[0]!.lagEvents === 0)
    expect(spans().map(({ name }) => name)).not.toContain('process heard')
  })
})
