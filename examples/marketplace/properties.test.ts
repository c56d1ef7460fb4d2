// What holds for all orders. The values are made from the schemas of commands and events.
import { test } from 'bun:test'
import { any, decide, evolve, forAll } from 'emaki/testing'
import { centsOf, Order, order } from './order.ts'

test('what is shipped costs what was placed, whatever was placed', () =>
  forAll(any(order.place), any(order.ship), (basket, shipment) => {
    const placed = decide(order, evolve(order, []), order.place('o1', basket))
    if (placed.outcome !== 'accepted') return placed.outcome === 'rejected' && placed.code === 'too-dear'
    const paid = evolve(order, [Order.PaymentConfirmed({})], placed.state)
    const shipped = decide(order, paid, order.ship('o1', shipment))
    return (
      shipped.outcome === 'accepted' &&
      Bun.deepEquals(shipped.events, [
        Order.Shipped({ ...shipment, customerId: basket.customerId, cents: centsOf(basket.items) }),
      ])
    )
  }))
