// Reading the log in a loop, without a checkpoint.
import type { Runtime } from 'emaki'
import { Order } from './marketplace/order.ts'

/** Finds the first order of a customer, of all that are in the log. */
export async function findFirstOrder(emaki: Runtime, customerId: string): Promise<string | null> {
  for await (const event of emaki.follow({ from: Order, types: ['Placed'], start: 'beginning', until: 'head' }))
    if (event.data.customerId === customerId) return event.instance
  return null
}
