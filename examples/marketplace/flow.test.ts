import { expect, test } from 'bun:test'
import { buildFlow, drawFlow } from '../../src/definitions/flow.ts'
import { cashier } from './cashier.ts'
import { fulfilment } from './fulfilment.ts'
import { inventory } from './inventory.ts'
import { measures } from './measures.ts'
import { order } from './order.ts'
import { payment } from './payment.ts'
import { bestsellers, customers, orderSummary, orders, stock } from './views.ts'

const serve = [
  ...[inventory, order, payment, fulfilment, cashier],
  ...[orders, stock, bestsellers, customers, orderSummary],
  ...measures,
]

test('the flow of the marketplace is drawn whole: commands, deciders, events, and their readers', () => {
  expect(`${drawFlow(buildFlow(serve))}\n`).toBe(DRAWN)
})

test('the flow of the marketplace is the same whatever the order of its definitions', () => {
  expect(buildFlow(serve.toReversed())).toEqual(buildFlow(serve))
})

const DRAWN = `flowchart LR
  n0["command inventory.commit"]
  n1["command inventory.release"]
  n2["command inventory.reserve"]
  n3["command inventory.restock"]
  n4["command order.cancel"]
  n5["command order.confirmPayment"]
  n6["command order.place"]
  n7["command order.ship"]
  n8["command payment.charge"]
  n9["command payment.decline"]
  n10["command payment.refund"]
  n11["command payment.request"]
  n12["decider inventory"]
  n13["decider order"]
  n14["decider payment"]
  n15["event inventory.Committed"]
  n16["event inventory.Released"]
  n17["event inventory.Reserved"]
  n18["event inventory.Restocked"]
  n19["event order.Cancelled"]
  n20["event order.PaymentConfirmed"]
  n21["event order.Placed"]
  n22["event order.Shipped"]
  n23["event payment.Charged"]
  n24["event payment.Declined"]
  n25["event payment.Refunded"]
  n26["event payment.Requested"]
  n27["measure orders_by_status"]
  n28["measure orders_placed"]
  n29["measure payments_lost"]
  n30["measure revenue"]
  n31["measure time_to_pay"]
  n32["measure time_to_ship"]
  n33["process fulfilment"]
  n34["processor cashier"]
  n35["projection bestsellers"]
  n36["projection customers"]
  n37["projection orders"]
  n38["projection stock"]
  n39["query order-summary"]
  n0 --> n12
  n1 --> n12
  n2 --> n12
  n3 --> n12
  n4 --> n13
  n5 --> n13
  n6 --> n13
  n7 --> n13
  n8 --> n14
  n9 --> n14
  n10 --> n14
  n11 --> n14
  n12 --> n15
  n12 --> n16
  n12 --> n17
  n12 --> n18
  n13 --> n19
  n13 --> n20
  n13 --> n21
  n13 --> n22
  n14 --> n23
  n14 --> n24
  n14 --> n25
  n14 --> n26
  n15 --> n38
  n16 --> n37
  n16 --> n38
  n17 --> n33
  n17 --> n37
  n17 --> n38
  n18 --> n38
  n19 --> n33
  n19 --> n37
  n20 --> n31
  n20 --> n33
  n20 --> n37
  n21 --> n28
  n21 --> n31
  n21 --> n32
  n21 --> n33
  n21 --> n35
  n21 --> n36
  n21 --> n37
  n22 --> n30
  n22 --> n32
  n22 --> n33
  n22 --> n36
  n22 --> n37
  n23 --> n33
  n24 --> n29
  n24 --> n33
  n25 --> n29
  n25 --> n34
  n26 --> n34
  n33 --> n12
  n33 --> n13
  n33 --> n14
  n37 --> n27
`
