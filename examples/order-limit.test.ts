import { expect, test } from 'bun:test'
import { memory, runtime } from 'emaki'
import { order } from './marketplace/order.ts'
import { orders } from './marketplace/views.ts'
import { limits } from './order-limit.ts'

test('a processor cancels the order by which a customer has too many, as its rows say', async () => {
  const emaki = await runtime({ serve: [order, orders, limits], store: memory() })
  for (const id of ['o1', 'o2', 'o3']) {
    await emaki.send(order.place(id, { customerId: 'ada', items: [{ sku: 'a', qty: 1, price: 100 }] }))
    await emaki.waitUntilProcessed(await emaki.store.head(), ['limits'], 600_000)
  }
  expect((await emaki.state(order, 'o3'))?.state.status).toBe('cancelled')
  const newest = { atLeast: await emaki.store.head(), waitMs: 600_000 }
  expect((await emaki.rows(orders, { where: { status: 'placed' } }, newest)).items.map(({ key }) => key)).toEqual(['o1', 'o2'])
  await emaki.close()
})
