// The marketplace without anybody who fulfils its orders: each step is a request.
import { main } from 'emaki/cli'
import { app } from 'emaki/http'
import { telemetry } from 'emaki/otel'
import { inventory } from './inventory.ts'
import { order } from './order.ts'
import { payment } from './payment.ts'
import { bestsellers, customers, orderSummary, orders, stock } from './views.ts'

await main(
  app({
    serve: [inventory, order, payment, orders, stock, bestsellers, customers, orderSummary],
    title: 'Marketplace',
    telemetry: await telemetry({ serviceName: 'marketplace' }),
  }),
)
