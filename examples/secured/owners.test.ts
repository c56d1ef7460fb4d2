import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { sign } from 'hono/jwt'
import { makeShop } from './owners.ts'

const secret = 'a secret that only this test has'
const basket = (customerId: string) => ({ customerId, items: [{ sku: 'a', qty: 1, price: 100 }] })

function openShop() {
  const shop = makeShop({ secret, store: memory() })
  const as =
    (sub: string, roles: readonly string[] = []) =>
    async (path: string, body?: object, more: Record<string, string> = {}) => {
      const token = await sign({ sub, roles: [...roles] }, secret, 'HS256')
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, ...more }
      const response = await shop.request(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers })
      return { status: response.status, position: response.headers.get('event-position')!, body: (await response.json()) as Row }
    }
  return { ada: as('ada'), bob: as('bob'), staff: as('eve', ['staff']) }
}
type Row = Record<string, unknown> & { readonly items?: readonly { readonly key: string }[]; readonly count?: number }

test('a customer orders for herself, and for nobody else', async () => {
  const { ada, bob } = openShop()
  expect((await ada('/order/o1/place', basket('ada'))).status).toBe(201)
  expect((await bob('/order/o2/place', basket('ada'))).status).toBe(403)
})

test('a customer cancels her own order, and that of another does not exist for her', async () => {
  const { ada, bob } = openShop()
  await ada('/order/o1/place', basket('ada'))
  expect((await bob('/order/o1/cancel', {})).status).toBe(404)
  expect((await ada('/order/o1/cancel', {})).status).toBe(200)
})

test('only the staff ships', async () => {
  const { ada, staff } = openShop()
  await ada('/order/o1/place', basket('ada'))
  expect((await ada('/order/o1/ship', { trackingNumber: 'T-1' })).status).toBe(403)
  expect((await staff('/order/o1/ship', { trackingNumber: 'T-1' })).body).toMatchObject({ code: 'not-paid' })
})

test('lists, counts and rows hold what the caller may see, whatever it asks for', async () => {
  const { ada, bob, staff } = openShop()
  await ada('/order/o1/place', basket('ada'))
  await ada('/order/o2/place', basket('ada'))
  const { position } = await bob('/order/o3/place', basket('bob'))
  const keys = async (ask: typeof ada, query: string) => {
    const { body } = await ask(`/orders?count=true${query}`, undefined, { 'Min-Position': position })
    return [body.items!.map(({ key }) => key), body.count]
  }
  expect(await keys(ada, '')).toEqual([['o1', 'o2'], 2])
  expect(await keys(bob, '')).toEqual([['o3'], 1])
  expect(await keys(bob, '&customerId=ada')).toEqual([[], 0])
  expect(await keys(staff, '')).toEqual([['o1', 'o2', 'o3'], 3])
  expect((await bob('/orders/o1', undefined, { 'Min-Position': position })).status).toBe(404)
  expect((await ada('/order-summary?customerId=ada', undefined, { 'Min-Position': position })).body).toMatchObject({ orders: 2 })
  expect((await bob('/order-summary?customerId=ada')).status).toBe(403)
})
