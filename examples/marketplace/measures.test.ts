import { afterEach, expect, test } from 'bun:test'
import { memory } from 'emaki'
import { writeText } from '../../src/metrics/text.ts'
import { startServices } from '../../src/runtime.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'
import { Order, order } from './order.ts'
import { Payment, payment } from './payment.ts'
import { inventory } from './inventory.ts'
import { measures } from './measures.ts'
import { orders } from './views.ts'

afterEach(cleanUp)

const placed = (price: number) => Order.Placed({ customerId: 'c1', items: [{ sku: 'tea', qty: 2, price }] })
const shipped = (cents: number) => Order.Shipped({ trackingNumber: 'T-1', customerId: 'c1', cents })

test('the measures of the marketplace say what was earned, placed and lost', async () => {
  let now = Date.parse('2030-07-01T12:00:00Z')
  const emaki = await startServices({
    serve: [inventory, order, payment, orders, ...measures],
    store: memory({ now: () => now }),
  })
  cleanUpLater(() => emaki.close())
  await emaki.append([
    { stream: 'order-o1', expect: 0, events: [placed(450)] },
    { stream: 'order-o2', expect: 0, events: [placed(5_000), Order.PaymentConfirmed({}), shipped(10_000)] },
    { stream: 'order-o3', expect: 0, events: [placed(450), Order.Cancelled({ reason: 'none given' })] },
    { stream: 'payment-o3', expect: 0, events: [Payment.Requested({ cents: 900 }), Payment.Declined({ reason: 'no money' })] },
  ])
  now += 30_000
  await emaki.append([{ stream: 'order-o1', expect: 1, events: [Order.PaymentConfirmed({}), shipped(900)] }])
  await untilProcessed(emaki, await emaki.store.head())
  const readings = (await emaki.metrics.read()).filter(({ row }) => row.board === 'business')
  const text = await writeText(readings, 'classic')
  const samples = text.split('\n').filter(line => line !== '' && !/^#|_bucket\{le="(?!60\.0|\+Inf)/.test(line))
  expect(samples).toEqual([
    'revenue_cents_total 10900',
    'orders_placed_total{size="small"} 2',
    'orders_placed_total{size="large"} 1',
    'payments_lost_total{how="declined"} 1',
    'orders_by_status{status="shipped"} 2',
    'orders_by_status{status="cancelled"} 1',
    'time_to_pay_seconds_bucket{le="60.0"} 2',
    'time_to_pay_seconds_bucket{le="+Inf"} 2',
    'time_to_pay_seconds_sum 30',
    'time_to_pay_seconds_count 2',
    'time_to_ship_seconds_bucket{le="60.0"} 2',
    'time_to_ship_seconds_bucket{le="+Inf"} 2',
    'time_to_ship_seconds_sum 30',
    'time_to_ship_seconds_count 2',
  ])
})
