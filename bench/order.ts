// What every system is asked to store: an order of about 270 bytes of JSON, placed once and revised any number of times.
import { decider, events, projection, reject } from 'emaki'
import { z } from 'zod'

const Item = z.object({ sku: z.string().min(1), qty: z.int().positive(), price: z.int().nonnegative() })
const Basket = z.object({ customerId: z.string().min(1), items: z.array(Item).min(1).max(100) })
export type Basket = z.output<typeof Basket>
export const basketSchema: typeof Basket = Basket

export const Order = events('order', { Placed: Basket, Revised: Basket, Cancelled: z.object({ reason: z.string() }) })

export const order = decider(Order, {
  initial: { status: 'none' as 'none' | 'placed' | 'cancelled', customerId: '', total: 0, revisions: 0 },
  evolve: {
    Placed: (_, { customerId, items }) => ({ status: 'placed', customerId, total: totalOf(items), revisions: 0 }),
    Revised: (order, { items }) => ({ ...order, total: totalOf(items), revisions: order.revisions + 1 }),
    Cancelled: order => ({ ...order, status: 'cancelled' }),
  },
  commands: { place: Basket, revise: Basket, cancel: z.object({ reason: z.string() }) },
  decide: {
    place: ({ status }, basket) => (status === 'none' ? Order.Placed(basket) : reject('already-placed')),
    revise: ({ status }, basket) => (status === 'placed' ? Order.Revised(basket) : reject('not-placed')),
    cancel: ({ status }, cancelled) => (status === 'placed' ? Order.Cancelled(cancelled) : reject('not-placed')),
  },
})

const OrderRow = z.object({
  status: z.enum(['placed', 'cancelled']),
  customerId: z.string(),
  total: z.int(),
  revisions: z.int(),
})
export type OrderRow = z.output<typeof OrderRow>

/** A row an order, as every system is asked to keep it. */
export const orders = projection('orders', {
  from: Order,
  row: OrderRow,
  initial: { status: 'placed', customerId: '', total: 0, revisions: 0 },
  indexes: ['customerId'],
  evolve: {
    Placed: (_, { customerId, items }) => ({ status: 'placed', customerId, total: totalOf(items), revisions: 0 }),
    Revised: (row, { items }) => ({ ...row, total: totalOf(items), revisions: row.revisions + 1 }),
    Cancelled: row => ({ ...row, status: 'cancelled' }),
  },
})

/** One in a hundred events of a seeded log is of this type. */
export const cancellations = projection('cancellations', {
  from: Order,
  row: z.object({ reason: z.string() }),
  initial: { reason: '' },
  evolve: { Cancelled: (_, { reason }) => ({ reason }) },
})

/** A basket of about 270 bytes as JSON; some hundred different ones, in turn. */
export function basket(): Basket {
  made++
  return baskets[made % baskets.length]!
}
let made = 0

const baskets: readonly Basket[] = Array.from({ length: 256 }, (_, i) => ({
  customerId: `customer-${Bun.randomUUIDv7()}`,
  items: [1, 2, 3, 4].map(n => ({ sku: `sku-${100_000 + i * 7 + n}`, qty: n, price: 1_000 + i * n })),
}))

export function totalOf(items: Basket['items']): number {
  return items.reduce((sum, { qty, price }) => sum + qty * price, 0)
}
