import { expect, test } from 'bun:test'
import { Metrics } from '../metrics/registry.ts'
import type { Subscription } from '../subscription/subscription.ts'
import { seriesOf } from '../test-support/series.ts'
import { FreshnessWaits } from './freshness-waits.ts'

test('a wait for new rows is measured as served where they came, and as refused where they did not', async () => {
  const metrics = new Metrics()
  const waits = new FreshnessWaits({ waitFor: async (_, position) => position < 5 }, metrics)
  // The wait itself is not looked at here.
  const subscription = {} as Subscription
  const { signal } = new AbortController()
  expect(await waits.waitFor(subscription, 4, signal)).toBeTrue()
  expect(await waits.waitFor(subscription, 5, signal)).toBeFalse()
  expect(await waits.waitFor(subscription, 6, signal)).toBeFalse()
  expect(await seriesOf(metrics, 'emaki.freshness.wait')).toEqual({ served: 1, refused: 2 })
})
