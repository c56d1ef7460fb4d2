import { expect, test } from 'bun:test'
import { Metrics } from '../metrics/registry.ts'
import { SubscriptionMeter } from './subscription-meter.ts'

const at = (second: number) => ({ at: new Date(second * 1_000).toISOString() })

async function delaysOf(metrics: Metrics) {
  const found = (await metrics.read()).find(({ name }) => name === 'emaki.subscription.delay')
  const counted = found!.series[0]!.counted as { readonly counts: readonly number[]; readonly sum: number }
  return [counted.counts.reduce((sum, count) => sum + count, 0), counted.sum]
}

test('a save measures the age of the oldest and the newest event of all its pages, and only once', async () => {
  const metrics = new Metrics()
  const meter = new SubscriptionMeter('orders_v1', () => 100_000, metrics)
  meter.noteHandled([at(10), at(20)])
  meter.noteHandled([])
  meter.noteHandled([at(30), at(40)])
  expect(await delaysOf(metrics)).toEqual([0, 0])
  meter.noteSaved()
  expect(await delaysOf(metrics)).toEqual([2, 150])
  meter.noteSaved()
  expect(await delaysOf(metrics)).toEqual([2, 150])
})

test('a save of one event measures it once, and one from the future of this clock as 0', async () => {
  const metrics = new Metrics()
  const meter = new SubscriptionMeter('orders_v1', () => 100_000, metrics)
  meter.noteHandled([at(99)])
  meter.noteSaved()
  meter.noteHandled([at(105)])
  meter.noteSaved()
  expect(await delaysOf(metrics)).toEqual([2, 1])
})

test('what was handled under a lost lease is not measured as saved by the next', async () => {
  const metrics = new Metrics()
  const meter = new SubscriptionMeter('orders_v1', () => 100_000, metrics)
  meter.noteHandled([at(10)])
  meter.begin()
  meter.noteSaved()
  expect(await delaysOf(metrics)).toEqual([0, 0])
})
