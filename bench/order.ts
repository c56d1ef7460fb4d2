// What every system is asked to store: an order of about 270 bytes of JSON, placed once and revised any number of times.
import { decider, events, reject } from 'emaki'
import { z } from 'zod'

const Item = z.object({ sku: z.string().min(1), qty: z.int().positive(), price: z.int().nonnegative() })
const Basket = z.object({ customerId: z.string().min(1), items: z.array(Item).min(1).max(100) })
export type Basket = z.output<typeof Basket>
export const basketSchema: typeof Basket = Basket

export const Order = events('order', { Placed: Basket, Revised: Basket })

export const order = decider(Order, {
  initial: { status: 'none' as 'none' | 'placed', customerId: '', total: 0, revisions: 0 },
  evolve: {
    Placed: (_, { customerId, items }) => ({ status: 'placed', customerId, total: totalOf(items), revisions: 0 }),
    Revised: (order, { items }) => ({ ...order, total: totalOf(items), revisions: order.revisions + 1 }),
  },
  commands: { place: Basket, revise: Basket },
  decide: {
    place: ({ status }, basket) => (status === 'none' ? Order.Placed(basket) : reject('already-placed')),
    revise: ({ status }, basket) => (status === 'placed' ? Order.Revised(basket) : reject('not-placed')),
  },
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

function totalOf(items: Basket['items']): number {
  return items.reduce((sum, { qty, price }) => sum + qty * price, 0)
}
