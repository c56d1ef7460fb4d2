import { app } from 'emaki/http'
import { telemetry } from 'emaki/otel'
import { cashier } from './cashier.ts'
import { fulfilment } from './fulfilment.ts'
import { inventory } from './inventory.ts'
import { measures } from './measures.ts'
import { order } from './order.ts'
import { payment } from './payment.ts'
import { bestsellers, customers, orderSummary, orders, stock } from './views.ts'

export default app({
  serve: [
    ...[inventory, order, payment, fulfilment, cashier],
    ...[orders, stock, bestsellers, customers, orderSummary],
    ...measures,
  ],
  title: 'Marketplace',
  version: '0.1.0',
  telemetry: await telemetry({ serviceName: 'marketplace' }),
})
