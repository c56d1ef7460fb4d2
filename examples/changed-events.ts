// Events that changed after they were stored: a field and a type were renamed, and a type was retired.
import { decider, events, upcast } from 'emaki'
import { z } from 'zod'

const PlacedV1 = z.object({ customer: z.string(), items: z.array(z.string()) })
const Placed = z.object({ customerId: z.string(), items: z.array(z.string()) })

export const OrderV1 = events('order', { Ordered: PlacedV1, Viewed: z.object({}) })

export const Order = events(
  'order',
  { Placed: upcast(Placed, PlacedV1, ({ customer, items }) => ({ customerId: customer, items })) },
  { was: { Ordered: 'Placed', Viewed: null } },
)

export const order = decider(Order, {
  initial: { customerId: '' },
  evolve: { Placed: (_, { customerId }) => ({ customerId }) },
  commands: { place: Placed },
  decide: { place: (_, placed) => Order.Placed(placed) },
})
