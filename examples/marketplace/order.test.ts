// What an order decides, without a log and without HTTP.
import { expect, test } from 'bun:test'
import { decide, evolve } from 'emaki/testing'
import { Order, order } from './order.ts'

const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 2, price: 1_999 }] }
const placed = evolve(order, [Order.Placed(basket)])
const paid = evolve(order, [Order.PaymentConfirmed({})], placed)

test('an order that is paid is shipped to its customer, with what it cost', () => {
  expect(decide(order, paid, order.ship('o1', { trackingNumber: 'T1' }))).toMatchObject({
    outcome: 'accepted',
    events: [Order.Shipped({ trackingNumber: 'T1', customerId: 'c1', cents: 3_998 })],
    state: { status: 'shipped', trackingNumber: 'T1' },
  })
})

test('an order that is not paid is not shipped', () => {
  const ship = order.ship('o1', { trackingNumber: 'T1' })
  expect(decide(order, placed, ship)).toEqual({ outcome: 'rejected', code: 'not-paid', data: { status: 'placed' } })
})

test('an order without items is no order', () => {
  const place = order.place('o1', { customerId: 'c1', items: [] })
  expect(decide(order, evolve(order, []), place)).toMatchObject({ outcome: 'invalid', issues: [{ path: '/items' }] })
})
