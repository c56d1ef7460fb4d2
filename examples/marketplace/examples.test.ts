// What the shop does, by examples: given what happened, when somebody does something, then what.
import {
  answers,
  cancels,
  due,
  fired,
  given,
  happened,
  invalid,
  of,
  refused,
  rejected,
  row,
  state,
  verify,
  wants,
} from 'emaki/testing'
import { fulfilment } from './fulfilment.ts'
import { Inventory, inventory } from './inventory.ts'
import { Order, order } from './order.ts'
import { Payment, payment } from './payment.ts'
import { customers, orders, orderSummary, stock } from './views.ts'

const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 2, price: 1_999 }] }
const shipment = { trackingNumber: 'T1' }

verify({
  'an order that is paid is shipped, and says what it cost': given(Order.Placed(basket), Order.PaymentConfirmed({}))
    .when(order.ship('o1', shipment))
    .then(happened(Order.Shipped({ ...shipment, customerId: 'c1', cents: 3_998 })), state({ status: 'shipped' })),
  'an order that is not paid is not shipped': given(Order.Placed(basket))
    .when(order.ship('o1', shipment))
    .then(rejected('not-paid', { status: 'placed' })),
  'an order without items is no order': given()
    .when(order.place('o1', { customerId: 'c1', items: [] }))
    .then(invalid('/items')),
})

const placed = of('o1', Order.Placed(basket))
const reserve = inventory.reserve('a', { order: 'o1', qty: 2 })
const reserved = of('a', Inventory.Reserved({ order: 'o1', qty: 2 }))

verify({
  'an order that is placed has its items reserved, and 15 minutes to be paid': given(fulfilment, placed).then(
    wants(reserve),
    due('15 minutes', 'unpaid', order.cancel('o1', { reason: 'unpaid' })),
  ),
  'an order whose items are not there is cancelled': given(fulfilment, placed, refused(reserve, 'out-of-stock')).then(
    wants(order.cancel('o1', { reason: 'reserve: out-of-stock' })),
  ),
})

verify({
  'an order whose items are reserved is to be paid': given(fulfilment, placed, reserved).then(
    wants(payment.request('o1', { cents: 3_998 })),
  ),
  'an order that nobody pays is cancelled': given(fulfilment, placed, reserved, fired('unpaid')).then(
    wants(order.cancel('o1', { reason: 'unpaid' })),
  ),
  'an order that is cancelled gives back what was reserved and paid': given(
    fulfilment,
    placed,
    reserved,
    of('o1', Payment.Charged({ cents: 3_998 }), Order.Cancelled({ reason: 'by hand' })),
  ).then(cancels('unpaid'), wants(inventory.release('a', { order: 'o1' }), payment.refund('o1', {}))),
})

verify({
  'an order is shown with what it costs, and reserved once all of its items are': given(orders, placed, reserved).then(
    row('o1', { status: 'reserved', total: 3_998 }),
  ),
  'stock that is committed is neither there nor reserved': given(
    stock,
    of(
      'a',
      Inventory.Restocked({ qty: 5 }),
      Inventory.Reserved({ order: 'o1', qty: 2 }),
      Inventory.Committed({ order: 'o1', qty: 2 }),
    ),
  ).then(row('a', { onHand: 3, reserved: 0 })),
  'a customer is told how many orders are open, and what was spent': given(
    [orderSummary, orders, customers],
    placed,
    of('o2', Order.Placed(basket), Order.PaymentConfirmed({}), Order.Shipped({ ...shipment, customerId: 'c1', cents: 3_998 })),
  )
    .when({ customerId: 'c1' })
    .then(answers({ customerId: 'c1', orders: 2, open: 1, spend: 3_998 })),
})
