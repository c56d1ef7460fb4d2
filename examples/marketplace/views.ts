// What the shop shows: rows folded from the facts of all three deciders, and one query over them.
import { projection, query } from 'emaki'
import { z } from 'zod'
import { Inventory } from './inventory.ts'
import { centsOf, Item, Order } from './order.ts'

/** By order: how far it is. It is reserved when each of its skus is. */
export const orders = projection('orders', {
  from: [Order, Inventory],
  key: { Reserved: ({ order }) => order, Released: ({ order }) => order },
  row: z.object({
    customerId: z.string(),
    status: z.enum(['placed', 'reserved', 'paid', 'shipped', 'cancelled']),
    items: z.array(Item),
    total: z.int(),
    tracking: z.string().nullable(),
    reserved: z.array(z.string()),
  }),
  initial: { customerId: '', status: 'placed', items: [], total: 0, tracking: null, reserved: [] },
  indexes: ['customerId', 'status'],
  evolve: {
    Placed: (order, { customerId, items }) => ({ ...order, customerId, items, total: centsOf(items) }),
    Reserved: (order, _, { instance: sku }) => {
      // What is held for an order that nobody has placed is no order yet.
      if (order.items.length === 0) return null
      const reserved = [...new Set([...order.reserved, sku])]
      const isAll = order.items.every(item => reserved.includes(item.sku))
      return { ...order, reserved, status: order.status === 'placed' && isAll ? 'reserved' : order.status }
    },
    Released: (order, _, { instance: sku }) => {
      if (order.items.length === 0) return null
      const reserved = order.reserved.filter(one => one !== sku)
      return { ...order, reserved, status: order.status === 'reserved' ? 'placed' : order.status }
    },
    PaymentConfirmed: order => ({ ...order, status: 'paid' }),
    Shipped: (order, { trackingNumber }) => ({ ...order, status: 'shipped', tracking: trackingNumber }),
    Cancelled: order => ({ ...order, status: 'cancelled' }),
  },
})

/** By sku: what is there, and how much of it is held for orders. */
export const stock = projection('stock', {
  from: Inventory,
  row: z.object({ onHand: z.int(), reserved: z.int() }),
  initial: { onHand: 0, reserved: 0 },
  evolve: {
    Restocked: (stock, { qty }) => ({ ...stock, onHand: stock.onHand + qty }),
    Reserved: (stock, { qty }) => ({ ...stock, reserved: stock.reserved + qty }),
    Released: (stock, { qty }) => ({ ...stock, reserved: stock.reserved - qty }),
    Committed: ({ onHand, reserved }, { qty }) => ({ onHand: onHand - qty, reserved: reserved - qty }),
  },
})

/** By sku: how many were ordered. */
export const bestsellers = projection('bestsellers', {
  from: Order,
  key: { Placed: ({ items }) => items.map(({ sku }) => sku) },
  row: z.object({ sold: z.int() }),
  initial: { sold: 0 },
  indexes: ['sold'],
  evolve: {
    Placed: ({ sold }, { items }, _, sku) => ({
      sold: items.reduce((sum, item) => (item.sku === sku ? sum + item.qty : sum), sold),
    }),
  },
})

/** By customer: how many orders were placed, and the cents of those that were shipped. */
export const customers = projection('customers', {
  from: Order,
  key: { Placed: ({ customerId }) => customerId, Shipped: ({ customerId }) => customerId },
  row: z.object({ orders: z.int(), spend: z.int() }),
  initial: { orders: 0, spend: 0 },
  indexes: ['spend'],
  evolve: {
    Placed: customer => ({ ...customer, orders: customer.orders + 1 }),
    Shipped: (customer, { cents }) => ({ ...customer, spend: customer.spend + cents }),
  },
})

/** What a customer has ordered, and how far it is. */
export const orderSummary = query('order-summary', {
  params: z.object({ customerId: z.string().min(1) }),
  cache: { ttl: '5 minutes', stale: '1 minute', tags: ({ customerId }) => [`customer:${customerId}`] },
  run: async ({ customerId }, read) => {
    const [orders_, open, customer] = await Promise.all([
      read(orders).count({ customerId }),
      read(orders).count({ customerId, status: 'placed' }),
      read(customers).get(customerId),
    ])
    return { customerId, orders: orders_, open, spend: customer?.spend ?? 0 }
  },
})
