import { expect, test } from 'bun:test'
import type { Committed } from '../dispatch/committed-pages.ts'
import { measureCommands } from './commands.ts'
import { Metrics } from './registry.ts'

test('events of an append are counted each under its own category and type, however the types alternate', async () => {
  const metrics = new Metrics()
  const append = (stream: string, types: string) => ({ stream, events: [...types].map(type => ({ type })) })
  // The observer reads no more of it.
  const committed = [append('order-1', 'AABA'), append('cart-1', 'B'), append('order-2', '')] as unknown as Committed[]
  measureCommands(metrics).committed(committed)
  const found = (await metrics.read()).find(({ name }) => name === 'emaki.events.appended')
  expect(found?.series).toEqual([
    { values: ['order.A'], counted: 3 },
    { values: ['order.B'], counted: 1 },
    { values: ['cart.B'], counted: 1 },
  ])
})
