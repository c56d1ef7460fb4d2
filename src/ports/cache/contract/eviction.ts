// A cache that forgets keys or watermarks gives nothing stale.
import { expect } from 'bun:test'
import type { CacheCase } from './case.ts'
import { put } from './builders.ts'

export const eviction: readonly CacheCase[] = [
  {
    title: 'refuses a delayed value after its key was evicted',
    run: async tested => {
      await put(tested, 5)
      await tested.evict('k')
      expect(await tested.cache.get('k', 0)).toBeNull()
      await put(tested, 5)
      await tested.cache.raise(['a'], 10)
      await tested.evict('k')
      expect(await put(tested, 9, {}, 10)).toBe('refused')
      expect(await tested.cache.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives nothing and refuses a delayed value after a watermark was evicted',
    run: async tested => {
      await put(tested, 5)
      await tested.cache.raise(['a'], 10)
      await tested.forget('a')
      expect(await tested.cache.get('k', 0)).toBeNull()
      expect(await put(tested, 5, {}, 10)).toBe('refused')
      await tested.cache.raise(['a'], 6)
      expect(await put(tested, 9, {}, 10)).toBe('refused')
      await tested.forget('a')
      await tested.cache.raise(['a'], 7)
      expect(await put(tested, 9, {}, 10)).toBe('refused')
      expect(await tested.cache.get('k', 0)).toBeNull()
      expect(await put(tested, 10)).toBe('stored')
      expect(await tested.cache.get('k', 0)).not.toBeNull()
    },
  },
]
