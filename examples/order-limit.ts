// A decision that needs rows: a processor reads them and sends a command, and a process hears of the fact that follows.
import { processor } from 'emaki'
import { Order, order } from './marketplace/order.ts'
import { orders } from './marketplace/views.ts'

const OPEN_MAX = 2

/** Cancels what a customer orders beyond so many open orders. */
export const limits = processor('limits', {
  from: Order,
  types: ['Placed'],
  handle: async ([event], { rows, send }) => {
    const where = { customerId: event!.data.customerId, status: 'placed' } as const
    const { count = 0 } = await rows(orders, { where, limit: 1, count: true }, { atLeast: event!.position })
    if (count > OPEN_MAX) await send(event!, order.cancel(event!.instance, { reason: 'too many open orders' }))
  },
})
