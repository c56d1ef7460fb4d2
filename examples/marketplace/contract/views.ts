// Every view shows what the events say, no older than its caller knows.
import { describe, expect, test } from 'bun:test'
import { basket, shipment, type Answer, type Marketplace } from './client.ts'

export function testViews({ id, ask, post }: Marketplace): void {
  describe('the views of the marketplace', () => {
    /** What is read is no older than what was answered. */
    const askAt = async (path: string, position: unknown): Promise<Answer> =>
      ask(path, { headers: { 'Min-Position': String(position) } })

    test('the views follow an order through each of its stages', async () => {
      const [order, customer, apple, pear] = [id(), id(), id(), id()]
      const items = [
        { sku: apple, qty: 2, price: 120 },
        { sku: pear, qty: 1, price: 60 },
      ]
      const send = async (path: string, body?: object) => {
        const answer = await post(path, body)
        expect(answer.status).toBeOneOf([200, 201])
        return answer.headers.get('event-position')!
      }
      const stage = async (position: string) => {
        const [row, list, summary] = await Promise.all([
          askAt(`/orders/${order}`, position),
          askAt(`/orders?customerId=${customer}`, position),
          askAt(`/order-summary?customerId=${customer}`, position),
        ])
        const listed = list.body['items'] as readonly object[]
        expect(listed).toEqual([row.body])
        return [row.body['status'], row.body['reserved'], summary.body['orders'], summary.body['open'], summary.body['spend']]
      }
      for (const [sku, qty] of [
        [apple, 5],
        [pear, 9],
      ])
        await send(`/inventory/${sku}/restock`, { qty })
      expect(await stage(await send(`/order/${order}/place`, { customerId: customer, items }))).toEqual(['placed', [], 1, 1, 0])
      expect(await stage(await send(`/inventory/${apple}/reserve`, { order, qty: 2 }))).toEqual(['placed', [apple], 1, 1, 0])
      expect(await stage(await send(`/inventory/${pear}/reserve`, { order, qty: 1 }))).toEqual([
        'reserved',
        [apple, pear],
        1,
        0,
        0,
      ])
      expect(await stage(await send(`/order/${order}/confirmPayment`))).toEqual(['paid', [apple, pear], 1, 0, 0])
      await send(`/inventory/${apple}/commit`, { order })
      const shipped = await send(`/order/${order}/ship`, shipment)
      expect(await stage(shipped)).toEqual(['shipped', [apple, pear], 1, 0, 300])
      expect((await askAt(`/orders/${order}`, shipped)).body).toEqual({
        key: order,
        customerId: customer,
        status: 'shipped',
        items,
        total: 300,
        tracking: 'T1',
        reserved: [apple, pear],
      })
      expect((await askAt(`/stock/${apple}`, shipped)).body).toEqual({ key: apple, onHand: 3, reserved: 0 })
      expect((await askAt(`/stock/${pear}`, shipped)).body).toEqual({ key: pear, onHand: 9, reserved: 1 })
      expect((await askAt(`/bestsellers/${apple}`, shipped)).body).toEqual({ key: apple, sold: 2 })
      expect((await askAt(`/customers/${customer}`, shipped)).body).toEqual({ key: customer, orders: 1, spend: 300 })
    })

    test('the view of orders lists by customer, by status, and by both', async () => {
      const customer = id()
      const made = await Promise.all(
        Array.from({ length: 9 }, async (_, i) => {
          const order = id()
          await post(`/order/${order}/place`, { ...basket, customerId: customer })
          if (i % 3 > 0) await post(`/order/${order}/confirmPayment`)
          if (i % 3 > 1) await post(`/order/${order}/cancel`)
          return { order, status: ['placed', 'paid', 'cancelled'][i % 3]! }
        }),
      )
      const { headers } = await post('/order/place', basket)
      const position = headers.get('event-position')
      const keys = async (search: string) => {
        const found: string[] = []
        for (let next: unknown = ''; next !== null; ) {
          const { body } = await askAt(`/orders?${search}&limit=2${next && `&cursor=${next}`}`, position)
          found.push(...(body['items'] as readonly { key: string }[]).map(({ key }) => key))
          next = body['next']
        }
        return found.toSorted()
      }
      const of = (status: string) => made.filter(one => one.status === status).map(({ order }) => order)
      expect(await keys(`customerId=${customer}`)).toEqual(made.map(({ order }) => order).toSorted())
      for (const status of ['placed', 'paid', 'cancelled'])
        expect(await keys(`customerId=${customer}&status=${status}`)).toEqual(of(status).toSorted())
      expect((await keys('status=paid')).filter(key => of('paid').includes(key))).toHaveLength(3)
      const { body } = await askAt(`/orders?customerId=${customer}&count=true&limit=1`, position)
      expect([body['count'], (body['items'] as unknown[]).length]).toEqual([9, 1])
    })

    test('the view of bestsellers lists the most sold first', async () => {
      const skus = [id(), id(), id()]
      const items = skus.map((sku, i) => ({ sku, qty: 900_000 + i, price: 1 }))
      const { headers } = await post('/order/place', { customerId: id(), items })
      const { body } = await askAt('/bestsellers?sort=-sold&limit=3', headers.get('event-position'))
      expect(body['items']).toEqual(skus.map((key, i) => ({ key, sold: 900_000 + i })).toReversed())
    })

    test('a view answers 304 to its tag until it changes, and is never older than the position of its client', async () => {
      const [order, customer] = [id(), id()]
      const { headers } = await post(`/order/${order}/place`, { ...basket, customerId: customer })
      const placed = headers.get('event-position')
      for (const path of [`/orders/${order}`, `/orders?customerId=${customer}`, `/order-summary?customerId=${customer}`]) {
        const tag = (await askAt(path, placed)).headers.get('etag')!
        const again = await ask(path, { headers: { 'If-None-Match': tag, 'Min-Position': placed! } })
        expect([path, again.status]).toEqual([path, 304])
      }
      const { status, body } = await ask(`/orders/${order}`, {
        headers: { 'Min-Position': '9007199254740991', Prefer: 'wait=30' },
      })
      expect([status, body['type']]).toEqual([409, '/problems/unknown-position'])
    })

    test('GET /ready names every view as ready', async () => {
      const { status, body } = await ask('/ready')
      const { projections } = body['checks'] as { projections: readonly { name: string; status: string }[] }
      expect([status, projections.map(({ name, status }) => `${name} ${status}`)]).toEqual([
        200,
        ['orders pass', 'stock pass', 'bestsellers pass', 'customers pass'],
      ])
    })
  })
}
