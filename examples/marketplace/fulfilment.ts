// What an order leads to: its items are reserved, it is charged, it is shipped; and whatever goes wrong is undone.
import { after, cancel, processManager } from 'emaki'
import { Inventory, inventory } from './inventory.ts'
import { centsOf, Order, order } from './order.ts'
import { Payment, payment } from './payment.ts'

type Fulfilment = {
  readonly cents: number
  /** Each sku once, with how many of it are wanted. */
  readonly wanted: readonly { readonly sku: string; readonly qty: number }[]
  readonly reserved: readonly string[]
  readonly isCharged: boolean
  /** What comes after that is undone as it comes. */
  readonly isOver: boolean
}
/** What an order needs to get on. Where one of these is refused, or cannot be sent, the order is undone. */
const NEEDED: readonly string[] = ['reserve', 'request', 'confirmPayment', 'ship']
const initial: Fulfilment = { cents: 0, wanted: [], reserved: [], isCharged: false, isOver: false }

export const fulfilment = processManager('fulfilment', {
  from: [Order, Inventory, Payment],
  to: [order, inventory, payment],
  begins: 'Placed',
  key: { Reserved: ({ order }) => order },
  initial,
  evolve: {
    Placed: (order, { items }) => ({ ...order, cents: centsOf(items), wanted: quantities(items) }),
    Reserved: (order, _, { instance: sku }) => ({ ...order, reserved: [...order.reserved, sku] }),
    Charged: order => ({ ...order, isCharged: true }),
    Shipped: order => ({ ...order, isOver: true }),
    Cancelled: order => ({ ...order, isOver: true }),
  },
  react: {
    Placed: ({ wanted }, _, { instance: id }) => [
      ...wanted.map(({ sku, qty }) => inventory.reserve(sku, { order: id, qty })),
      after('15 minutes', 'unpaid', order.cancel(id, { reason: 'unpaid' })),
    ],
    Reserved: ({ isOver, wanted, reserved, cents }, { order: id }, { instance: sku }) => {
      if (isOver) return inventory.release(sku, { order: id })
      if (reserved.length < wanted.length) return []
      return cents > 0 ? payment.request(id, { cents }) : order.confirmPayment(id, {})
    },
    Charged: ({ isOver }, _, { instance: id }) => (isOver ? payment.refund(id, {}) : order.confirmPayment(id, {})),
    Declined: (_, { reason }, { instance: id }) => order.cancel(id, { reason: reasonOf('payment declined', reason) }),
    PaymentConfirmed: (_, __, { instance: id }) => [cancel('unpaid'), order.ship(id, { trackingNumber: `T-${id}` })],
    Shipped: ({ reserved }, _, { instance: id }) => reserved.map(sku => inventory.commit(sku, { order: id })),
    Cancelled: ({ reserved, isCharged }, _, { instance: id }) => [
      cancel('unpaid'),
      ...reserved.map(sku => inventory.release(sku, { order: id })),
      ...(isCharged ? [payment.refund(id, {})] : []),
    ],
  },
  on: {
    // Where the order was cancelled meanwhile, this changes nothing. What undoes is not refused.
    rejected: (_, { command, code }, id) =>
      NEEDED.includes(command.command) ? order.cancel(id, { reason: reasonOf(command.command, code) }) : [],
  },
})

/** A reason is at most as long as `cancel` takes it. */
function reasonOf(what: string, why: string): string {
  return `${what}: ${why}`.slice(0, 500).toWellFormed()
}

function quantities(items: readonly { readonly sku: string; readonly qty: number }[]): Fulfilment['wanted'] {
  const bySku = Map.groupBy(items, ({ sku }) => sku)
  return [...bySku].map(([sku, all]) => ({ sku, qty: all.reduce((sum, { qty }) => sum + qty, 0) }))
}
