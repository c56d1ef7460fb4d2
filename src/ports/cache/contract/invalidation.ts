// A raised watermark refuses every older entry of its tag.
import { expect } from 'bun:test'
import type { CacheCase } from './case.ts'
import { entryAt, put } from './builders.ts'

export const invalidation: readonly CacheCase[] = [
  {
    title: 'gives nothing that is older than what one of its tags was raised to, in any process',
    run: async tested => {
      const { cache, other } = tested
      await put(tested, 5, { tags: ['a', 'b'] })
      await other.raise(['c'], 9)
      expect(await cache.get('k', 0)).not.toBeNull()
      await other.raise(['x', 'b', 'y'], 6)
      expect(await cache.get('k', 0)).toBeNull()
      expect(await other.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives what is at the position that its tag was raised to',
    run: async tested => {
      await put(tested, 6)
      await tested.cache.raise(['a'], 6)
      expect((await tested.cache.get('k', 0))?.position).toBe(6)
    },
  },
  {
    title: 'refuses what comes after a raise and is older, whether there was something before or not',
    run: async tested => {
      await put(tested, 5)
      await tested.cache.raise(['a', 'never seen'], 10)
      expect(await put(tested, 9, {}, 10)).toBe('refused')
      expect(await put(tested, 9, { tags: ['never seen'] }, 10)).toBe('refused')
      expect(await tested.cache.get('k', 0)).toBeNull()
      expect(await put(tested, 10)).toBe('stored')
    },
  },
  {
    title: 'never lowers a watermark',
    run: async tested => {
      await put(tested, 5)
      await tested.cache.raise(['a'], 10)
      await tested.cache.raise(['a'], 6)
      expect(await put(tested, 9, {}, 10)).toBe('refused')
    },
  },
  {
    title: 'does not lose a raise that comes while a watermark is begun',
    run: async tested => {
      const { cache, other, now } = tested
      let hasAsked = false
      await cache.set('k', entryAt(10, now()), async () => {
        hasAsked = true
        await other.raise(['a'], 12)
        return 10
      })
      // A cache that knows a bound for every tag has not asked, and took it before there was anything to refuse it.
      if (!hasAsked) await other.raise(['a'], 12)
      expect(await cache.get('k', 0)).toBeNull()
      expect(await put(tested, 11, {}, 12)).toBe('refused')
    },
  },
  {
    title: 'takes nothing where it has to know the current position and cannot',
    run: async tested => {
      await tested.forget('a')
      const stored = await tested.cache.set('k', entryAt(5, tested.now()), () => Promise.reject(new Error('no database')))
      expect(stored === 'failed' ? await tested.cache.get('k', 0) : null).toBeNull()
    },
  },
]
