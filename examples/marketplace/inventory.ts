import { decider, events, reject } from 'emaki'
import { z } from 'zod'

/** At most so many at once, so that the stock stays a whole number that JSON can hold. */
const Quantity = z.int().positive().max(1_000_000_000)
/** A key of what is held, and of a row: not the one key that no object can show, nor one that no row can have. */
export const OrderId = z
  .string()
  .min(1)
  .max(200)
  .refine(id => id !== '__proto__' && !id.includes('\0'), 'is no id')

export const Inventory = events('inventory', {
  Restocked: z.object({ qty: Quantity }),
  Reserved: z.object({ order: OrderId, qty: Quantity }),
  Released: z.object({ order: OrderId, qty: Quantity }),
  Committed: z.object({ order: OrderId, qty: Quantity }),
})

type Held = Readonly<Record<string, number>>
const without = (held: Held, order: string): Held => Object.fromEntries(Object.entries(held).filter(([id]) => id !== order))
const heldBy = (held: Held, order: string): number => (Object.hasOwn(held, order) ? held[order]! : 0)

/** The stock of one sku: what is free, and what each order holds. */
export const inventory = decider(Inventory, {
  initial: { free: 0, held: {} as Held },
  evolve: {
    Restocked: (stock, { qty }) => ({ ...stock, free: stock.free + qty }),
    Reserved: (stock, { order, qty }) => ({ free: stock.free - qty, held: { ...stock.held, [order]: qty } }),
    Released: (stock, { order, qty }) => ({ free: stock.free + qty, held: without(stock.held, order) }),
    Committed: (stock, { order }) => ({ ...stock, held: without(stock.held, order) }),
  },
  commands: {
    restock: z.object({ qty: Quantity }),
    reserve: z.object({ order: OrderId, qty: Quantity }),
    release: z.object({ order: OrderId }),
    commit: z.object({ order: OrderId }),
  },
  decide: {
    restock: (_, { qty }) => Inventory.Restocked({ qty }),
    reserve: (stock, { order, qty }) => {
      if (heldBy(stock.held, order) > 0) return []
      return stock.free < qty ? reject('out-of-stock', { free: stock.free, wanted: qty }) : Inventory.Reserved({ order, qty })
    },
    release: (stock, { order }) => {
      const qty = heldBy(stock.held, order)
      return qty > 0 ? Inventory.Released({ order, qty }) : []
    },
    commit: (stock, { order }) => {
      const qty = heldBy(stock.held, order)
      return qty > 0 ? Inventory.Committed({ order, qty }) : []
    },
  },
  expose: z.object({ free: z.int(), held: z.record(z.string(), z.int()) }),
})
