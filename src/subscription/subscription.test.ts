// When a subscription makes durable what it did, by a clock of the test's own.
import { expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import { untraced } from '../ports/trace/trace.ts'
import { Metrics } from '../metrics/registry.ts'
import { seriesOf } from '../test-support/series.ts'
import { until } from '../test-support/servers/until.ts'
import type { Consumer } from './consumer.ts'
import { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'

const EVENTS = 40
const far: Tail = {
  // Further than it comes here: whoever is at the head saves at once.
  head: EVENTS + 1,
  waiting: 0,
  page: () => null,
  wait: (_, signal) => new Promise(resolve => signal?.addEventListener('abort', () => resolve(false))),
  start: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

/** The checkpoints that are saved where each event takes so long, and leaves so much pending, on the way to the head. */
async function savedCheckpoints(eventMs: number, pending: number | null): Promise<readonly number[]> {
  const store = memory()
  const events = Array.from({ length: EVENTS }, (_, i) => ({ id: `e${i}`, type: 'T', schema: 's', data: '{}', meta: '{}' }))
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events }], keys: [] }])
  let now = 0
  let handled = 0
  let isSaved = false
  const found: number[] = []
  const done = Promise.withResolvers<void>()
  const consumer: Consumer = {
    eventsMax: 1,
    begin: async () => {},
    handle: async page => {
      now += eventMs
      handled += page.length
      isSaved = false
      if (handled === EVENTS) done.resolve()
    },
    pendingSize: () => (pending === null || isSaved ? null : pending),
    save: async guard => {
      isSaved = true
      found.push(guard.to)
      return store.readModel.commit({ ...guard, rows: [], park: [], unpark: [] })
    },
    hasParked: () => false,
    retryParked: async () => {},
  }
  const subscription = new Subscription({
    ...{ store, tail: far, name: 'sub', filter: null, leaseMs: 60_000, owner: 'o', consumer },
    ...{ trace: untraced, report: () => {}, now: Date.now, clock: () => now },
  })
  subscription.start()
  await done.promise
  await subscription.close()
  return found.filter(to => to < EVENTS)
}

test('a subscription far behind the head saves what it folded when more than 10 s have passed', async () => {
  expect(await savedCheckpoints(1_000, 1)).toEqual([11, 22, 33])
  expect(await savedCheckpoints(999, 1)).toEqual([11, 22, 33])
  expect(await savedCheckpoints(1_001, 1)).toEqual([10, 20, 30])
})

test('a subscription saves a checkpoint that moved past events of others when more than a second has passed', async () => {
  expect(await savedCheckpoints(100, null)).toEqual([11, 22, 33])
  expect(await savedCheckpoints(101, null)).toEqual([10, 20, 30])
})

test('a subscription saves what is pending when it is more than 134 217 728 characters', async () => {
  expect(await savedCheckpoints(0, 134_217_728)).toEqual([])
  expect(await savedCheckpoints(0, 134_217_729)).toEqual(Array.from({ length: EVENTS - 1 }, (_, i) => i + 1))
})

test('a subscription takes no new events while its consumer is full, says so once, and goes on when there is room', async () => {
  const store = memory()
  const events = [{ id: 'e', type: 'T', schema: 's', data: '{}', meta: '{}' }]
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events }], keys: [] }])
  const reported: unknown[] = []
  const handled: number[] = []
  let fullFor = 3
  const consumer: Consumer = {
    begin: async () => {},
    handle: async page => void handled.push(...page.map(({ position }) => position)),
    pendingSize: () => null,
    save: guard => store.readModel.commit({ ...guard, rows: [], park: [], unpark: [] }),
    isFull: () => {
      if (fullFor > 0) expect(handled).toEqual([])
      return fullFor-- > 0
    },
    hasParked: () => false,
    retryParked: async () => {},
  }
  const subscription = new Subscription({
    ...{ store, tail: far, name: 'sub', filter: null, start: 'beginning', leaseMs: 60_000, owner: 'o', consumer },
    ...{ trace: untraced, report: problem => reported.push(problem), now: Date.now },
  })
  subscription.start()
  await until('it is full', () => subscription.failure === 'too many keys are in retry')
  await until('the event is handled', () => handled.length === 1)
  await subscription.close()
  expect(reported).toMatchObject([
    { code: 'retry-began', message: expect.stringContaining('sub takes no new events: too many keys are in retry.') },
    { code: 'retry-ended' },
  ])
})

test('a subscription that loses its lease while it handles counts that once, and measures only what is saved', async () => {
  const store = memory()
  const events = [{ id: 'e', type: 'T', schema: 's', data: '{}', meta: '{}' }]
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events }], keys: [] }])
  const metrics = new Metrics()
  let saves = 0
  const consumer: Consumer = {
    begin: async () => {},
    handle: async () => {},
    pendingSize: () => (saves < 2 ? 1 : null),
    // As a store refuses the page of a former owner.
    save: async guard => ++saves > 1 && store.readModel.commit({ ...guard, rows: [], park: [], unpark: [] }),
    hasParked: () => false,
    retryParked: async () => {},
  }
  const subscription = new Subscription({
    ...{ store, tail: { ...far, head: 1 }, name: 'sub', filter: null, leaseMs: 60_000, owner: 'o', consumer, metrics },
    ...{ trace: untraced, report: () => {}, now: Date.now },
  })
  subscription.start()
  await until('it is saved', () => saves === 2 && subscription.position === 1)
  await subscription.close()
  expect(await seriesOf(metrics, 'emaki.subscription.fenced')).toEqual({ sub: 1 })
  expect(await seriesOf(metrics, 'emaki.subscription.delay')).toEqual({ sub: 1 })
})
