// An order that takes two things from the shelf, is paid and sent, or is undone: for tests of processes.
import { z } from 'zod'
import { type Decider, decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { type Events, events } from '../definitions/event/events.ts'
import { type Process, processManager } from '../definitions/process/process.ts'
import { after, cancel } from '../definitions/process/timer.ts'

const none = z.object({})
const Basket = z.object({ skus: z.array(z.string()), cents: z.int() })
const orderEvents = { Placed: Basket, Paid: none, Sent: none, Cancelled: z.object({ reason: z.string() }) }
export const Order: Events<'order', typeof orderEvents> = events('order', orderEvents)
const shelfEvents = {
  Filled: z.object({ qty: z.int() }),
  Taken: z.object({ order: z.string() }),
  Returned: z.object({ order: z.string() }),
}
export const Shelf: Events<'shelf', typeof shelfEvents> = events('shelf', shelfEvents)
const purseEvents = { Charged: z.object({ cents: z.int() }), Refunded: none }
export const Purse: Events<'purse', typeof purseEvents> = events('purse', purseEvents)

type Status = 'none' | 'placed' | 'paid' | 'sent' | 'cancelled'
const orderCommands = { place: Basket, pay: none, send: none, cancel: z.object({ reason: z.string() }) }
export const order: Decider<'order', { readonly status: Status }, typeof orderCommands> = decider(Order, {
  initial: { status: 'none' as Status },
  evolve: {
    Placed: () => ({ status: 'placed' }),
    Paid: () => ({ status: 'paid' }),
    Sent: () => ({ status: 'sent' }),
    Cancelled: () => ({ status: 'cancelled' }),
  },
  commands: orderCommands,
  decide: {
    place: ({ status }, basket) => (status === 'none' ? Order.Placed(basket) : reject('already-placed')),
    pay: ({ status }) => (status === 'placed' ? Order.Paid({}) : reject('not-placed', { status })),
    send: ({ status }) => (status === 'paid' ? Order.Sent({}) : reject('not-paid', { status })),
    cancel: ({ status }, { reason }) =>
      status === 'placed' ? Order.Cancelled({ reason }) : status === 'cancelled' ? [] : reject('not-cancellable', { status }),
  },
  expose: z.object({ status: z.enum(['none', 'placed', 'paid', 'sent', 'cancelled']) }),
})

type ShelfState = { readonly free: number; readonly held: readonly string[] }
const shelfCommands = {
  fill: z.object({ qty: z.int() }),
  take: z.object({ order: z.string() }),
  giveBack: z.object({ order: z.string() }),
}
export const shelf: Decider<'shelf', ShelfState, typeof shelfCommands> = decider(Shelf, {
  initial: { free: 0, held: [] } as ShelfState,
  evolve: {
    Filled: (s, { qty }) => ({ ...s, free: s.free + qty }),
    Taken: (s, { order }) => ({ free: s.free - 1, held: [...s.held, order] }),
    Returned: (s, { order }) => ({ free: s.free + 1, held: s.held.filter(one => one !== order) }),
  },
  commands: shelfCommands,
  decide: {
    fill: (_, data) => Shelf.Filled(data),
    take: (s, data) => (s.free > 0 ? Shelf.Taken(data) : reject('empty')),
    giveBack: (s, data) => (s.held.includes(data.order) ? Shelf.Returned(data) : []),
  },
})

const purseCommands = { charge: z.object({ cents: z.int() }), refund: none }
export const purse: Decider<'purse', { readonly cents: number }, typeof purseCommands> = decider(Purse, {
  initial: { cents: 0 },
  evolve: { Charged: (_, data) => data, Refunded: () => ({ cents: 0 }) },
  commands: purseCommands,
  decide: {
    charge: (s, data) =>
      data.cents % 100 === 13 ? reject('declined') : s.cents > 0 ? reject('charged-twice') : Purse.Charged(data),
    refund: s => (s.cents > 0 ? Purse.Refunded({}) : []),
  },
})

type State = {
  readonly cents: number
  readonly wanted: readonly string[]
  readonly taken: readonly string[]
  readonly over: boolean
}

/** Takes all that an order wants from the shelf, charges, sends; what goes wrong cancels the order and puts back what was taken. */
export const fulfilment: Process<'fulfilment', State> = processManager('fulfilment', {
  from: [Order, Shelf, Purse],
  to: [order, shelf, purse],
  begins: 'Placed',
  key: { Taken: ({ order }) => order, Returned: ({ order }) => order },
  initial: { cents: 0, wanted: [], taken: [], over: false } as State,
  evolve: {
    Placed: (s, { skus, cents }) => ({ ...s, cents, wanted: skus }),
    Taken: (s, _, { instance }) => ({ ...s, taken: [...s.taken, instance] }),
    Cancelled: s => ({ ...s, over: true }),
  },
  react: {
    Placed: (_, { skus }, { instance }) => [
      ...skus.map(sku => shelf.take(sku, { order: instance })),
      after('15 minutes', 'unpaid', order.cancel(instance, { reason: 'unpaid' })),
    ],
    // What comes after the order was cancelled is put back when it comes.
    Taken: (s, _, { instance: sku }, key) => {
      if (s.over) return shelf.giveBack(sku, { order: key })
      return s.taken.length === s.wanted.length ? purse.charge(key, { cents: s.cents }) : []
    },
    Charged: (_, __, { instance }) => [cancel('unpaid'), order.pay(instance, {})],
    Paid: (_, __, { instance }) => order.send(instance, {}),
    Cancelled: (s, _, { instance }) => [cancel('unpaid'), ...s.taken.map(sku => shelf.giveBack(sku, { order: instance }))],
  },
  on: {
    rejected: (_, { command, code }, key) =>
      command.command === 'take' || command.command === 'charge' ? order.cancel(key, { reason: code }) : [],
  },
})

export const shop = [order, shelf, purse, fulfilment] as const
