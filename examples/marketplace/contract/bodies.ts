// A body that does not fit is refused with the place of each fault.
import { describe, expect, test } from 'bun:test'
import { basket, type Marketplace } from './client.ts'

export function testBodies({ id, post, eventsOf }: Marketplace): void {
  describe('a body that does not fit', () => {
    const item = basket.items[0]!
    test.each<[string, object, readonly string[]]>([
      ['order/place', {}, ['#/customerId', '#/items']],
      ['order/place', { ...basket, customerId: '' }, ['#/customerId']],
      ['order/place', { ...basket, customerId: 'a\0' }, ['#/customerId']],
      ['order/place', { ...basket, items: [{ ...item, sku: 'a\0' }] }, ['#/items/0/sku']],
      ['order/place', { ...basket, items: [] }, ['#/items']],
      ['order/place', { ...basket, items: Array.from({ length: 101 }, () => item) }, ['#/items']],
      [
        'order/place',
        { ...basket, items: [item, { sku: '', qty: 0, price: -1 }] },
        ['#/items/1/sku', '#/items/1/qty', '#/items/1/price'],
      ],
      ['order/place', { ...basket, items: [{ ...item, qty: 1.5, price: '1' }] }, ['#/items/0/qty', '#/items/0/price']],
      [
        'order/place',
        { ...basket, items: [{ ...item, qty: 1_000_001, price: 10_000_001 }] },
        ['#/items/0/qty', '#/items/0/price'],
      ],
      ['order/ship', { trackingNumber: '' }, ['#/trackingNumber']],
      ['order/cancel', { reason: 'x'.repeat(501) }, ['#/reason']],
      ['inventory/restock', { qty: -1 }, ['#/qty']],
      ['inventory/restock', { qty: 1_000_000_001 }, ['#/qty']],
      ['inventory/reserve', { order: '', qty: 0 }, ['#/order', '#/qty']],
      ['inventory/reserve', { order: '__proto__', qty: 1 }, ['#/order']],
      ['inventory/reserve', { order: 'a\0', qty: 1 }, ['#/order']],
      ['inventory/reserve', { order: 'x'.repeat(201), qty: 1 }, ['#/order']],
      ['inventory/release', {}, ['#/order']],
      ['inventory/commit', { order: 5 }, ['#/order']],
      ['payment/charge', { cents: '240' }, ['#/cents']],
      ['payment/decline', { reason: null }, ['#/reason']],
    ])('a body that does not fit answers 400 with each place, and appends nothing: %s %j', async (path, body, pointers) => {
      const [decider, command] = path.split('/')
      const instance = id()
      const { status, body: problem } = await post(`/${decider}/${instance}/${command}`, body)
      const errors = problem['errors'] as { pointer: string; detail: string }[]
      expect([status, problem['type'], errors.map(({ pointer }) => pointer)]).toEqual([
        400,
        '/problems/validation-failed',
        [...pointers],
      ])
      expect(await eventsOf(`${decider}-${instance}`)).toEqual([])
    })
  })
}
