import { afterEach, expect, test } from 'bun:test'
import { memory } from 'emaki'
import { order } from './marketplace/order.ts'
import { orders } from './marketplace/views.ts'
import { makeShop } from './reading.ts'

const close: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const one of close.splice(0)) await one()
})

/** A shop with two orders of ada, one of bob that is paid, and one that is shipped. */
async function openShop() {
  const printed: string[] = []
  const shop = makeShop({ store: memory(), print: async label => void printed.push(label) })
  const emaki = await shop.runtime()
  close.push(emaki.close)
  const items = [{ sku: 'a', qty: 1, price: 100 }]
  const send = async (command: Parameters<typeof emaki.send>[0]) => {
    const sent = await emaki.send(command)
    return sent.outcome === 'accepted' ? sent.position : 0
  }
  for (const [id, customerId] of [
    ['o1', 'ada'],
    ['o2', 'ada'],
    ['o3', 'bob'],
    ['o4', 'bob'],
  ] as const)
    await send(order.place(id, { customerId, items }))
  for (const id of ['o3', 'o4']) await send(order.confirmPayment(id, {}))
  const atLeast = await send(order.ship('o4', { trackingNumber: 'T4' }))
  await emaki.waitUntilProcessed(atLeast, undefined, 600_000)
  return { shop, emaki, printed, atLeast }
}

test('a route of the app lists rows by conditions, and asks a query, in typed code', async () => {
  const { shop } = await openShop()
  const ask = async (path: string) => (await shop.request(path)).json()
  expect(await ask('/open-orders')).toEqual({
    open: ['o1', 'o2', 'o3'],
    first: { customerId: 'ada', orders: 2, open: 2, spend: 0 },
  })
  expect(await ask('/open-orders?customers=b')).toMatchObject({ open: ['o3'], first: { customerId: 'bob' } })
})

test('a handler of a processor reads the row that its event changed', async () => {
  const { emaki, printed, atLeast } = await openShop()
  await emaki.waitUntilProcessed(atLeast, ['labels'], 600_000)
  expect(printed).toEqual(['T4 for bob'])
})

test('a test reads rows, page by page, and a state of the app, in typed code', async () => {
  const { emaki, atLeast } = await openShop()
  const list = { where: { customerId: { gte: 'b' }, status: { null: false } }, sort: '-status', limit: 1, count: true } as const
  const page = await emaki.rows(orders, list, { atLeast, complete: true })
  expect(page).toMatchObject({ items: [{ key: 'o4', tracking: 'T4' }], count: 2, position: atLeast })
  for (const place of [{ cursor: page.next! }, { after: page.items[0]! }])
    expect((await emaki.rows(orders, { ...list, ...place })).items.map(({ key }) => key)).toEqual(['o3'])
  expect((await emaki.state(order, 'o4'))?.state.status).toBe('shipped')
  expect((await emaki.state(order, 'o4', { version: 1 }))?.state.status).toBe('placed')
})
