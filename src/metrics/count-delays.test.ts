import { expect, test } from 'bun:test'
import { delayCounter } from './count-delays.ts'
import { Metrics } from './registry.ts'

/** A counter of the delays of `orders`, of which a test says what serves. */
function orders() {
  const metrics = new Metrics()
  const serving = { table: 'orders_v1' as string | null }
  const watch = (name: string) => ({ name, serving: () => serving.table })
  const count = delayCounter(metrics, [watch('order.orders'), watch('order.orders'), watch('shelf.orders')])
  const delay = (seconds: number, table = 'orders_v1') => metrics.histogram('emaki.subscription.delay', table).record(seconds)
  return { count, delay, serving }
}

test('delays are counted once for each family by which a subscription is watched, with their logarithms', () => {
  const { count, delay } = orders()
  for (const seconds of [0.02, 0.02, 10_000]) delay(seconds)
  const totals = Object.fromEntries(count())
  expect(totals).toMatchObject({ 'delay order.orders': 3, 'delay shelf.orders': 3 })
  // A bucket is as wide as a factor of 2.5 or less, so a delay counts as one that is not further off.
  const logs = (2 * Math.log(20_000) + Math.log(10_000_000_000)) * 1_000
  expect(Math.abs(totals['delay-logs order.orders']! - logs)).toBeLessThan(3 * 1_000 * Math.log(2.5))
})

test('delays of a version that is being filled are left out, also once it serves', () => {
  const { count, delay, serving } = orders()
  delay(0.02)
  delay(3_000, 'orders_v2')
  const before = count()
  expect(before.get('delay order.orders')).toBe(1)
  delay(3_000, 'orders_v2')
  expect(count()).toEqual(before)
  serving.table = 'orders_v2'
  expect(count()).toEqual(before)
  delay(0.02, 'orders_v2')
  expect(count().get('delay order.orders')).toBe(2)
  serving.table = null
  delay(0.02, 'orders_v2')
  expect(count().get('delay order.orders')).toBe(2)
})

test('delays that nobody watches are not counted', () => {
  const { count, delay } = orders()
  delay(0.02, 'shelves_v1')
  expect(count()).toEqual(new Map())
})
