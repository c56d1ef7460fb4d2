// Code with effects over the log: a mail for each order that is shipped.
import { processor } from 'emaki'
import { Order } from './marketplace/order.ts'

/** The mail service takes a key, and sends one mail for each key. */
export const mails = (sendMail: (key: string, order: string) => Promise<void>) =>
  processor('mails', {
    from: Order,
    types: ['Shipped'],
    handle: async (events, { keyOf }) => {
      for (const event of events) await sendMail(keyOf(event), event.instance)
    },
  })
