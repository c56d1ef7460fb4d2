// What an order leads to: its items are reserved, it is charged, it is shipped; and whatever goes wrong is undone.
import { after, cancel, processManager } from 'emaki'
import { Inventory, inventory } from './inventory.ts'
import { centsOf, Order, order } from './order.ts'
import { Payment, payment } from './payment.ts'

type Fulfilment = {
  readonly cents: number
  /** How many of each sku are wanted. */
  readonly wanted: Readonly<Record<string, number>>
  readonly reserved: readonly string[]
  readonly isCharged: boolean
  /** What comes after that is undone as it comes. */
  readonly isOver: boolean
}
const initial: Fulfilment = { cents: 0, wanted: {}, reserved: [], isCharged: false, isOver: false }

export const fulfilment = processManager('fulfilment', {
  from: [Order, Inventory, Payment],
  to: [order, inventory, payment],
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
      ...Object.entries(wanted).map(([sku, qty]) => inventory.reserve(sku, { order: id, qty })),
      after('15 minutes', 'unpaid', order.cancel(id, { reason: 'unpaid' })),
    ],
    Reserved: ({ isOver, wanted, reserved, cents }, { order: id }, { instance: sku }) => {
      if (isOver) return inventory.release(sku, { order: id })
      // Held by hand for an order that nobody has placed.
      if (Object.keys(wanted).length === 0 || reserved.length < Object.keys(wanted).length) return []
      return cents > 0 ? payment.request(id, { cents }) : order.confirmPayment(id, {})
    },
    Charged: ({ isOver }, _, { instance: id }) => (isOver ? payment.refund(id, {}) : order.confirmPayment(id, {})),
    Declined: (_, { reason }, { instance: id }) => order.cancel(id, { reason: `payment declined: ${reason}` }),
    PaymentConfirmed: (_, __, { instance: id }) => [cancel('unpaid'), order.ship(id, { trackingNumber: `T-${id}` })],
    Shipped: ({ reserved }, _, { instance: id }) => reserved.map(sku => inventory.commit(sku, { order: id })),
    Cancelled: ({ reserved, isCharged }, _, { instance: id }) => [
      cancel('unpaid'),
      ...reserved.map(sku => inventory.release(sku, { order: id })),
      ...(isCharged ? [payment.refund(id, {})] : []),
    ],
  },
  on: {
    rejected: (_, { command, code }, id) => {
      if (command.command === 'reserve') return order.cancel(id, { reason: code })
      // What cannot be shipped is undone; where that is because it was cancelled, this changes nothing.
      return command.command === 'ship' ? order.cancel(id, { reason: `not shipped: ${code}` }) : []
    },
  },
})

function quantities(items: readonly { readonly sku: string; readonly qty: number }[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { sku, qty } of items) found[sku] = (found[sku] ?? 0) + qty
  return found
}
