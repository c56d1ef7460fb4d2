// What the shop's owner looks at: sums over the log, which Prometheus reads.
import { measure } from 'emaki'
import { centsOf, Order } from './order.ts'
import { Payment } from './payment.ts'

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
