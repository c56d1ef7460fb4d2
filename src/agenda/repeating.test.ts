// A timer that sets itself again, while what fell due of it is still being forgotten.
import { expect, test } from 'bun:test'
import { type Runtime, runtime } from '../runtime.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { Order, order } from '../test-support/fulfilment.ts'
import { until } from '../test-support/servers/until.ts'

const reminder = processManager('reminder', {
  from: Order,
  to: order,
  begins: 'Placed',
  initial: { left: 0 },
  evolve: { Placed: () => ({ left: 1 }) },
  react: { Placed: () => after('1 minute', 'remind') },
  on: { rejected: () => [], due: () => after('1 minute', 'remind') },
})

test('a timer that is set again as it falls due stays set, however late the one before it is removed', async () => {
  let skipped = 0
  const store = memory({ now: () => Date.now() + skipped })
  const { agenda } = store
  const dues = async (emaki: Runtime) =>
    (await emaki.store.read('reminder-o1', { after: 0, limit: 9 })).filter(({ type }) => type === 'Due').length
  const setBy = async () => (await agenda.list({ timers: true, limit: 9 })).map(({ set }) => set)
  // The page that sets it anew is durable before the one that fell due is forgotten, as two connections may have it.
  const removeLate: typeof agenda.done = async entries => {
    await until('it is set anew', async () => (await setBy()).every(set => entries.every(entry => entry.set !== set)))
    await agenda.done(entries)
  }
  const slow: Store = Object.assign(Object.create(store) as Store, { agenda: { ...agenda, done: removeLate } })
  const emaki = await runtime({ serve: [order, reminder], store: slow })
  try {
    await emaki.send(order.place('o1', { skus: [], cents: 1 }))
    await until('it is set', async () => (await setBy()).length === 1)
    for (const times of [1, 2]) {
      skipped += 61_000
      emaki.pollAgenda()
      await until(`it fell due ${times} times`, async () => (await dues(emaki)) === times)
    }
    expect(await dues(emaki)).toBe(2)
  } finally {
    await emaki.close()
  }
})
