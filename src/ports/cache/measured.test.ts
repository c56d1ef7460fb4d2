import { expect, test } from 'bun:test'
import { Metrics } from '../../metrics/registry.ts'
import { seriesOf } from '../../test-support/series.ts'
import type { Entry } from './cache.ts'
import { measureCache } from './measured.ts'
import { memoryCache } from './memory.ts'

const entry: Entry = { body: '1', etag: 'e', position: 5, tags: ['t'], builtAt: 0, freshUntil: 1e15, staleUntil: 1e15 }
const current = async () => 5

test('a cache counts what it has and has not, and what it takes and refuses, by its tier', async () => {
  const metrics = new Metrics()
  const cache = measureCache(memoryCache(), 'memory', metrics)
  expect(await cache.get('k', 0)).toBeNull()
  expect(await cache.set('k', entry, current)).toBe('stored')
  expect(await cache.get('k', 0)).toEqual(entry)
  expect(cache.getSync?.('k', 0)).toEqual(entry)
  // `get` is called after it, and counts the miss.
  expect(cache.getSync?.('other', 0)).toBeNull()
  await cache.raise(['t'], 9)
  expect(await cache.set('k', entry, current)).toBe('refused')
  expect(await seriesOf(metrics, 'emaki.cache.lookups')).toEqual({ 'memory hit': 2, 'memory miss': 1 })
  expect(await seriesOf(metrics, 'emaki.cache.writes')).toEqual({ 'memory stored': 1, 'memory refused': 1, 'memory failed': 0 })
  expect((await seriesOf(metrics, 'emaki.cache.size'))['memory']).toBeGreaterThan(256)
})

test('a cache of another process has no size here, and is asked only where it can wait', async () => {
  const metrics = new Metrics()
  const { getSync: _, get, set, raise, claim, close } = memoryCache()
  const cache = measureCache({ get, set, raise, claim, close }, 'shared', metrics)
  expect(cache.getSync).toBeUndefined()
  await cache.get('k', 0)
  expect(await seriesOf(metrics, 'emaki.cache.lookups')).toEqual({ 'shared hit': 0, 'shared miss': 1 })
  expect(await seriesOf(metrics, 'emaki.cache.size')).toEqual({})
})
