import { decider, events, isId, reject } from 'emaki'
import { z } from 'zod'
import { OrderId } from './inventory.ts'

const Text = z
  .string()
  .min(1)
  .max(200)
  .refine(text => !text.includes('\0'), 'is no id')
/** Rows are found by it, so it is none that no row can have. */
const Id = z.string().min(1, { abort: true }).max(200).refine(isId, 'is no id')
/** Prices are in cents. */
export const Item = z.object({ sku: Text, qty: z.int().positive(), price: z.int().nonnegative() })
const Basket = z.object({ customerId: Text, items: z.array(Item).min(1).max(100) })
/** What may be ordered. A hundred items of one sku are still a quantity that the inventory takes. */
const WantedItem = Item.extend({ sku: Id, qty: z.int().positive().max(1_000_000), price: z.int().nonnegative().max(10_000_000) })
/** Facts keep the wider schema: a bound that comes later must not make them unreadable. */
const Wanted = Basket.extend({ customerId: Id, items: z.array(WantedItem).min(1).max(100) })
/** What an order may cost, so that the sum of a million orders is still a whole number that JSON can hold. */
const CENTS_MAX = 1_000_000_000
/** What a basket costs. */
export const centsOf = (items: readonly { readonly qty: number; readonly price: number }[]): number =>
  items.reduce((sum, { qty, price }) => sum + qty * price, 0)
const Shipment = z.object({ trackingNumber: z.string().min(1) })

export const Order = events('order', {
  Placed: Basket,
  PaymentConfirmed: z.object({}),
  // With what those need who read it and know nothing else: a fact is found by what it says.
  Shipped: Shipment.extend({ customerId: z.string(), cents: z.int().nonnegative() }),
  Cancelled: z.object({ reason: z.string() }),
})

const OrderView = z.object({
  status: z.enum(['none', 'placed', 'paid', 'shipped', 'cancelled']),
  customerId: z.string(),
  items: z.array(Item),
  trackingNumber: z.string().nullable(),
})

/** One order, from placed to shipped or cancelled. A step in the wrong order is rejected, a step taken twice changes nothing. */
export const order = decider(Order, {
  initial: OrderView.parse({ status: 'none', customerId: '', items: [], trackingNumber: null }),
  evolve: {
    Placed: (order, { customerId, items }) => ({ ...order, status: 'placed', customerId, items }),
    PaymentConfirmed: order => ({ ...order, status: 'paid' }),
    Shipped: (order, { trackingNumber }) => ({ ...order, status: 'shipped', trackingNumber }),
    Cancelled: order => ({ ...order, status: 'cancelled' }),
  },
  commands: {
    place: Wanted,
    confirmPayment: z.object({}),
    ship: Shipment,
    cancel: z.object({ reason: z.string().max(500).default('none given') }),
  },
  decide: {
    place: (order, basket, { instance }) => {
      if (order.status !== 'none') return reject('already-placed', { status: order.status })
      // The inventory reserves by the order's id.
      if (!OrderId.safeParse(instance).success) return reject('no-order-id')
      const cents = centsOf(basket.items)
      return cents > CENTS_MAX ? reject('too-dear', { cents, most: CENTS_MAX }) : Order.Placed(basket)
    },
    confirmPayment: ({ status }) => {
      if (status === 'placed') return Order.PaymentConfirmed({})
      return status === 'paid' ? [] : reject('not-placed', { status })
    },
    ship: ({ status, trackingNumber, customerId, items }, shipment) => {
      if (status === 'paid') return Order.Shipped({ ...shipment, customerId, cents: centsOf(items) })
      return status === 'shipped' && trackingNumber === shipment.trackingNumber ? [] : reject('not-paid', { status })
    },
    cancel: ({ status }, { reason }) => {
      if (status === 'placed' || status === 'paid') return Order.Cancelled({ reason })
      return status === 'cancelled' ? [] : reject('not-cancellable', { status })
    },
  },
  expose: OrderView,
})
