import { expect, test } from 'bun:test'
import type { Committed } from '../dispatch/committed-pages.ts'
import { measureCommands } from './commands.ts'
import { startServices } from '../runtime.ts'
import { account } from '../test-support/account.ts'
import { seriesOf } from '../test-support/series.ts'
import { memory } from '../ports/store/memory.ts'
import { Metrics } from './registry.ts'

test('events of an append are counted each under its own category and type, however the types alternate', async () => {
  const metrics = new Metrics()
  const append = (stream: string, types: string) => ({ stream, events: [...types].map(type => ({ type, data: '{}' })) })
  // The observer reads no more of it.
  const committed = [append('order-1', 'AABA'), append('cart-1', 'B'), append('order-2', '')] as unknown as Committed[]
  measureCommands(metrics).committed(committed)
  expect(await seriesOf(metrics, 'emaki.events.appended')).toEqual({ 'order.A': 3, 'order.B': 1, 'cart.B': 1 })
  expect(await seriesOf(metrics, 'emaki.events.size')).toEqual({ 'order.A': 6, 'order.B': 2, 'cart.B': 2 })
})

test('a load says how many events it folded, and a command whether its state was in memory', async () => {
  const store = memory()
  const first = await startServices({ serve: [account], store })
  await first.send(account.deposit('a1', { cents: 1, times: 7 }))
  await first.send(account.deposit('a1', { cents: 1 }))
  // It knows nothing yet of how often a stream is new.
  expect(await seriesOf(first.metrics, 'emaki.states')).toEqual({ 'account hit': 1, 'account miss': 1, 'account new': 0 })
  const second = await startServices({ serve: [account], store })
  await second.send(account.deposit('a1', { cents: 1 }))
  const loads = (await second.metrics.read()).find(({ name }) => name === 'emaki.load.events')
  expect(loads?.series).toMatchObject([{ values: ['account'], counted: { sum: 8 } }])
  expect(await seriesOf(second.metrics, 'emaki.states')).toEqual({ 'account hit': 0, 'account miss': 1, 'account new': 0 })
  expect(await seriesOf(second.metrics, 'emaki.command.waiting.time')).toEqual({ '': 0 })
  await Promise.all([first.close(), second.close()])
})

test('the wait of the oldest command is known while the log takes no append, and is over with its outcome', async () => {
  const raw = memory()
  const held = Promise.withResolvers<void>()
  const store = {
    ...raw,
    append: async (...asked: Parameters<typeof raw.append>) => held.promise.then(() => raw.append(...asked)),
  }
  const emaki = await startServices({ serve: [account], store })
  const sent = emaki.send(account.deposit('a1', { cents: 1 }))
  const waits = async () => (await seriesOf(emaki.metrics, 'emaki.command.waiting.time'))['']!
  expect(await waits()).toBeGreaterThan(0)
  held.resolve()
  expect((await sent).outcome).toBe('accepted')
  expect(await waits()).toBe(0)
  await emaki.close()
})
