import { afterEach, expect, test } from 'bun:test'
import { memory } from 'emaki'
import { writeText } from '../../src/metrics/text.ts'
import { startServices } from '../../src/runtime.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'
import { Order, order } from './order.ts'
import { Payment, payment } from './payment.ts'
import { ordersPlaced, paymentsLost, revenue } from './measures.ts'

afterEach(cleanUp)

const placed = (price: number) => Order.Placed({ customerId: 'c1', items: [{ sku: 'tea', qty: 2, price }] })
const shipped = (cents: number) => Order.Shipped({ trackingNumber: 'T-1', customerId: 'c1', cents })

test('the measures of the marketplace say what was earned, placed and lost', async () => {
  const emaki = await startServices({ serve: [order, payment, revenue, ordersPlaced, paymentsLost], store: memory() })
  cleanUpLater(() => emaki.close())
  await emaki.append([
    { stream: 'order-o1', expect: 0, events: [placed(450), Order.PaymentConfirmed({}), shipped(900)] },
    { stream: 'order-o2', expect: 0, events: [placed(5_000), Order.PaymentConfirmed({}), shipped(10_000)] },
    { stream: 'order-o3', expect: 0, events: [placed(450), Order.Cancelled({ reason: 'none given' })] },
    { stream: 'payment-o3', expect: 0, events: [Payment.Requested({ cents: 900 }), Payment.Declined({ reason: 'no money' })] },
  ])
  await untilProcessed(emaki, await emaki.store.head())
  const readings = (await emaki.metrics.read()).filter(({ row }) => row.board === 'business')
  const text = await writeText(readings, 'classic')
  expect(text.split('\n').filter(line => line !== '' && !line.startsWith('#'))).toEqual([
    'revenue_cents_total 10900',
    'orders_placed_total{size="small"} 2',
    'orders_placed_total{size="large"} 1',
    'payments_lost_total{how="declined"} 1',
  ])
})
