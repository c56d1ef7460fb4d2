// Reads in code: a route of one's own, and a processor that looks at a row.
import { type Store, processor } from 'emaki'
import { app } from 'emaki/http'
import { Order, order } from './marketplace/order.ts'
import { customers, orderSummary, orders } from './marketplace/views.ts'

/** Prints a label for each order that is shipped. The row includes the event that the handler got. */
const labels = (print: (label: string) => Promise<void>) =>
  processor('labels', {
    from: Order,
    types: ['Shipped'],
    handle: async ([event], { row }) => {
      const shipped = await row(orders, event!.instance, { atLeast: event!.position })
      await print(`${shipped?.tracking} for ${shipped?.customerId}`)
    },
  })

export function makeShop(options: { readonly store: Store; readonly print: (label: string) => Promise<void> }) {
  const shop = app({ serve: [order, orders, customers, orderSummary, labels(options.print)], store: options.store })
  // What is open, by customer, with what the first one has ordered before.
  shop.get('/open-orders', async c => {
    const { rows, query } = c.var.emaki
    const open = await rows(orders, {
      where: { status: { in: ['placed', 'paid'] }, customerId: { prefix: c.req.query('customers') } },
      sort: ['customerId', 'status'],
      limit: 10,
    })
    const first = open.items[0]
    return c.json({ open: open.items.map(({ key }) => key), first: first && (await query(orderSummary, first)) })
  })
  return shop
}
