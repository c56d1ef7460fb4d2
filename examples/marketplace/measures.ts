// What the shop's owner looks at: metrics that are folds of the log.
import { measure, measureRows, measureTime } from 'emaki'
import { centsOf, Order } from './order.ts'
import { Payment } from './payment.ts'
import { orders } from './views.ts'

/** What was earned. An order counts once it is shipped. */
export const revenue = measure('revenue', {
  from: Order,
  on: { Shipped: ({ cents }) => cents },
  unit: 'cents',
  help: 'What was earned with orders that are shipped.',
  question: 'How much do we earn?',
})

/** How many orders were placed, by their size. */
export const ordersPlaced = measure('orders_placed', {
  from: Order,
  on: { Placed: 1 },
  by: { size: ({ data: { items } }) => (centsOf(items) < 10_000 ? 'small' : 'large') },
  unit: '{order}',
  help: 'Orders that were placed, by their size.',
  question: 'How many orders are placed?',
})

/** How many payments were refused, and how many paid back. */
export const paymentsLost = measure('payments_lost', {
  from: Payment,
  on: { Declined: 1, Refunded: 1 },
  by: { how: ({ type }) => type.toLowerCase() },
  unit: '{payment}',
  help: 'Payments that were refused or paid back.',
  question: 'Which payments are lost?',
})

/** How many orders there are now, by how far they are. */
export const ordersByStatus = measureRows('orders_by_status', {
  rows: orders,
  by: ['status'],
  unit: '{order}',
  help: 'Orders, by how far they are.',
  question: 'How far are the orders?',
})

/** How long customers wait until their order is paid. */
export const timeToPay = measureTime('time_to_pay', {
  from: Order,
  begins: 'Placed',
  ends: 'PaymentConfirmed',
  bounds: [0.1, 0.5, 1, 5, 60, 3_600],
  question: 'How long does it take until an order is paid?',
})

/** How long customers wait until their order is shipped. */
export const timeToShip = measureTime('time_to_ship', {
  from: Order,
  begins: 'Placed',
  ends: 'Shipped',
  bounds: [0.1, 0.5, 1, 5, 60, 3_600, 86_400],
  question: 'How long does it take until an order is shipped?',
})

/** All of them, in the order of the dashboard. */
export const measures = [revenue, ordersPlaced, paymentsLost, ordersByStatus, timeToPay, timeToShip]
