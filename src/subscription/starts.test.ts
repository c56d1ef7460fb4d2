// Where processes and processors begin in a log that they are new to, and what a new version of a process does.
import { describe, expect, test } from 'bun:test'
import type { Served } from '../definitions/definition.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import { processor } from '../definitions/processor.ts'
import type { Start } from '../definitions/start.ts'
import { memory } from '../ports/store/memory.ts'
import { Notice } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { Order, order } from '../test-support/fulfilment.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

type Paying = { readonly start?: Start; readonly version?: number; readonly reminds?: boolean }

/** Pays each order at once. A version that reminds sets timers that were not there before. */
function buildPaying({ start, version = 1, reminds = false }: Paying) {
  return processManager('paying', {
    from: Order,
    to: order,
    begins: 'Placed',
    initial: { placed: 0 },
    evolve: { Placed: ({ placed }) => ({ placed: placed + 1 }), Cancelled: () => null },
    react: {
      Placed: (_, __, { instance }) => [
        order.pay(instance, {}),
        ...(reminds ? [after('1 minute', 'soon', order.send(instance, {})), after('100 days', 'later')] : []),
      ],
    },
    on: { rejected: () => [] },
    ...(start !== undefined && { start }),
    version,
  })
}

async function run<T>(store: Store, serve: readonly Served[], use: (emaki: Runtime) => Promise<T>, notices: Notice[] = []) {
  const report = (problem: unknown) => void (problem instanceof Notice && notices.push(problem))
  const emaki = await runtime({ serve, store, report })
  try {
    return await use(emaki)
  } finally {
    await untilProcessed(emaki, await store.head())
    await emaki.close()
  }
}

const place = async (emaki: Runtime, id: string): Promise<number> => {
  const outcome = await emaki.send(order.place(id, { skus: [], cents: 1 }))
  return outcome.outcome === 'accepted' ? outcome.position : 0
}
const types = async (store: Store, id: string) =>
  (await store.read(`order-${id}`, { after: 0, limit: 9 })).map(({ type }) => type)
const untilTypes = async (store: Store, emaki: Runtime, id: string, expected: readonly string[]) => {
  await untilProcessed(emaki, await store.head())
  await until(`order ${id} is ${expected.join()}`, async () => (await types(store, id)).join() === expected.join())
}

/** A log with two orders, a minute apart, that no process has seen. */
async function buildOldLog(): Promise<{ readonly store: Store; readonly skip: (ms: number) => void }> {
  let skippedMs = 0
  const store = memory({ now: () => Date.parse('2030-01-01T00:00:00Z') + skippedMs })
  const skip = (ms: number) => {
    skippedMs += ms
  }
  await run(store, [order], async emaki => {
    await place(emaki, 'o1')
    skip(60_000)
    await place(emaki, 'o2')
  })
  return { store, skip }
}

describe('a process that is new to a log', () => {
  test('a new process without a start is refused where the log has events, and told of both choices', async () => {
    const { store } = await buildOldLog()
    await expect(runtime({ serve: [order, buildPaying({})], store })).rejects.toThrow(
      "the process paying is new, and the log already has events, up to position 2. Give it start: 'now', and it sends commands for only what happens from here on; or start: 'beginning', and it sends commands for everything that ever happened (`emaki processes preview paying` shows what that is). A position, or { at: time }, lies between.",
    )
    expect(await store.readModel.progress(['process_paying'])).toEqual([])
  })

  test('a new processor without a start is refused where the log has events', async () => {
    const { store } = await buildOldLog()
    const mails = processor('mails', { from: Order, handle: () => {} })
    await expect(runtime({ serve: [order, mails], store })).rejects.toThrow(
      "the processor mails is new, and the log already has events, up to position 2. Give it start: 'now'",
    )
  })

  test('a process without a start begins in an empty log, and goes on in a later run', async () => {
    const store = memory()
    await run(store, [order, buildPaying({})], async () => {})
    await run(store, [order], emaki => place(emaki, 'o1'))
    await run(store, [order, buildPaying({})], emaki => untilTypes(store, emaki, 'o1', ['Placed', 'Paid']))
  })

  test.each<[string, Start, readonly string[], readonly string[]]>([
    ['beginning', 'beginning', ['Placed', 'Paid'], ['Placed', 'Paid']],
    ['now', 'now', ['Placed'], ['Placed']],
    ['a position', 1, ['Placed'], ['Placed', 'Paid']],
    ['a time between', { at: '2030-01-01T00:00:01Z' }, ['Placed'], ['Placed', 'Paid']],
    ['the time of an event', { at: new Date('2030-01-01T00:01:00Z') }, ['Placed'], ['Placed', 'Paid']],
    ['a time before all', { at: '2020-01-01T00:00:00Z' }, ['Placed', 'Paid'], ['Placed', 'Paid']],
    ['a time after all', { at: '2031-01-01T00:00:00Z' }, ['Placed'], ['Placed']],
  ])('a new process that starts at %s acts for the events after that, and for no other', async (_, start, first, second) => {
    const { store } = await buildOldLog()
    await run(store, [order, buildPaying({ start })], async emaki => {
      await place(emaki, 'o3')
      await untilTypes(store, emaki, 'o3', ['Placed', 'Paid'])
      await untilTypes(store, emaki, 'o2', second)
    })
    expect([await types(store, 'o1'), await types(store, 'o2')]).toEqual([[...first], [...second]])
  })
})

describe('a new version of a process', () => {
  test('a new version of a process that started now knows no more of what was before than the old one', async () => {
    const { store } = await buildOldLog()
    await run(store, [order, buildPaying({ start: 'now' })], async emaki => {
      await place(emaki, 'o3')
      await untilTypes(store, emaki, 'o3', ['Placed', 'Paid'])
    })
    await run(store, [order, buildPaying({ start: 'now', version: 2 })], async emaki => {
      await place(emaki, 'o4')
      await untilTypes(store, emaki, 'o4', ['Placed', 'Paid'])
    })
    const { found } = await store.readModel.list(
      { name: 'process_paying_v2', indexes: [] },
      { where: [], sort: [], after: null, limit: 9 },
    )
    expect(found.map(({ key }) => key)).toEqual(['o3', 'o4'])
  })

  test('a new version of a process sets no new timer that would be due already, and reports how many', async () => {
    const { store, skip } = await buildOldLog()
    await run(store, [order, buildPaying({ start: 'beginning' })], emaki => untilTypes(store, emaki, 'o2', ['Placed', 'Paid']))
    skip(3_600_000)
    const notices: Notice[] = []
    const newer = buildPaying({ start: 'beginning', version: 2, reminds: true })
    await run(store, [order, newer], emaki => untilProcessed(emaki, 4), notices)
    expect((await store.agenda.list({ timers: true, limit: 9 })).map(({ id }) => id)).toEqual([
      'paying:o1@later',
      'paying:o2@later',
    ])
    expect(notices.map(({ code, message }) => [code, message])).toEqual([
      ['timers-left', 'paying: version 2 has 2 timers that are new and would be due already. They were not set.'],
    ])
    expect(await types(store, 'o1')).toEqual(['Placed', 'Paid'])
  })

  test('a new version of a process keeps a timer that is overdue, and removes those that it does not set', async () => {
    const { store, skip } = await buildOldLog()
    const notices: Notice[] = []
    const run1 = { start: 'beginning', reminds: true } as const
    const slow: Store = Object.assign(Object.create(store) as Store, {
      agenda: { ...store.agenda, due: async () => ({ entries: [], next: null, now: Date.parse('2030-01-01T01:00:00Z') }) },
    })
    // Nothing is sent, as if the app had ended before.
    await run(slow, [order, buildPaying(run1)], emaki => untilProcessed(emaki, 2))
    skip(3_600_000)
    await run(slow, [order, buildPaying({ ...run1, version: 2 })], emaki => untilProcessed(emaki, 2), notices)
    const ids = async () => (await store.agenda.list({ timers: true, limit: 9 })).map(({ id }) => id)
    expect(await ids()).toEqual(['paying:o1@soon', 'paying:o2@soon', 'paying:o1@later', 'paying:o2@later'])
    await run(slow, [order, buildPaying({ start: 'beginning', version: 3 })], emaki => untilProcessed(emaki, 2), notices)
    expect([await ids(), notices]).toEqual([[], []])
  })
})

describe('a fact that begins no instance', () => {
  test('a fact that finds no instance is passed over and counted, also after the instance has ended', async () => {
    const store = memory()
    await run(store, [order, buildPaying({})], async emaki => {
      await place(emaki, 'o1')
      await untilTypes(store, emaki, 'o1', ['Placed', 'Paid'])
      await emaki.append([{ stream: 'order-o1', expect: 'any', events: [Order.Cancelled({ reason: 'x' })] }])
      await emaki.append([{ stream: 'order-o1', expect: 'any', events: [Order.Cancelled({ reason: 'again' })] }])
      await emaki.append([{ stream: 'order-o9', expect: 'any', events: [Order.Cancelled({ reason: 'never begun' })] }])
      await untilProcessed(emaki, await store.head())
      const [status] = await emaki.status()
      expect(status).toMatchObject({ name: 'process_paying', passedOver: 2, parkedKeys: 0 })
      const table = { name: 'process_paying_v1', indexes: [] }
      expect((await store.readModel.count(table, [])).found).toBe(0)
    })
  })
})
