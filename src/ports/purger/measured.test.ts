import { expect, test } from 'bun:test'
import { Metrics } from '../../metrics/registry.ts'
import { seriesOf } from '../../test-support/series.ts'
import { measurePurger } from './measured.ts'

test('a purger counts the tags that it has purged, and those of an attempt that failed, which its caller is told', async () => {
  const metrics = new Metrics()
  let isAway = false
  const purge = () => (isAway ? Promise.reject(new Error('the CDN is away')) : Promise.resolve())
  const purger = measurePurger({ purge, purgeAll: purge }, metrics)
  await purger.purge(['a', 'b'])
  await purger.purgeAll()
  isAway = true
  await expect(purger.purge(['a', 'b', 'c'])).rejects.toThrow('the CDN is away')
  expect(await seriesOf(metrics, 'emaki.purges')).toEqual({ done: 3, failed: 3 })
})
