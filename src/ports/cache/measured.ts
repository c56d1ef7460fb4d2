// Measures a cache, whichever it is.
import type { Meter } from '../metrics/meter.ts'
import type { Cache, Entry, Stored } from './cache.ts'

/** A cache that is measured. `bytes`: the memory that its answers take here, if it takes any. */
export type MeasurableCache = Cache & { readonly bytes?: number }

/** The cache of a tier, with its lookups and writes counted. */
export function measureCache(cache: MeasurableCache, tier: 'memory' | 'shared', meter: Meter): Cache {
  const lookups = {
    hit: meter.counter('emaki.cache.lookups', tier, 'hit'),
    miss: meter.counter('emaki.cache.lookups', tier, 'miss'),
  }
  const writes: Readonly<Record<Stored, { add(): void }>> = {
    stored: meter.counter('emaki.cache.writes', tier, 'stored'),
    refused: meter.counter('emaki.cache.writes', tier, 'refused'),
    failed: meter.counter('emaki.cache.writes', tier, 'failed'),
  }
  if (cache.bytes !== undefined)
    meter.observe(['emaki.cache.size'], () => ({ 'emaki.cache.size': [{ values: [tier], value: cache.bytes ?? 0 }] }))
  const note = (entry: Entry | null) => {
    lookups[entry ? 'hit' : 'miss'].add()
    return entry
  }
  const getSync = (key: string, atLeast: number) => {
    const entry = cache.getSync!(key, atLeast)
    // A miss is looked up again by `get`.
    if (entry) lookups.hit.add()
    return entry
  }
  return {
    ...(cache.getSync && { getSync }),
    get: async (key, atLeast) => note(await cache.get(key, atLeast)),
    set: async (key, entry, current) => {
      const stored = await cache.set(key, entry, current)
      writes[stored].add()
      return stored
    },
    raise: (tags, position) => cache.raise(tags, position),
    claim: (key, ttlMs) => cache.claim(key, ttlMs),
    close: () => cache.close(),
  }
}
