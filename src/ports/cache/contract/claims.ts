// One caller of many builds an entry.
import { expect } from 'bun:test'
import type { CacheCase } from './case.ts'

export const claims: readonly CacheCase[] = [
  {
    title: 'lets one caller of many claim a key, until it is released or its time is over',
    run: async tested => {
      const { cache, other } = tested
      const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? cache : other).claim('k', 1_000)))
      const [release, ...more] = claims.filter(claim => claim !== null)
      expect(more).toEqual([])
      expect(await other.claim('another', 1_000)).not.toBeNull()
      await release!()
      const second = await other.claim('k', 200)
      expect(second).not.toBeNull()
      expect(await cache.claim('k', 1_000)).toBeNull()
      await tested.advance(201)
      expect(await cache.claim('k', 1_000)).not.toBeNull()
      // Whose time was over ends nobody else's.
      await second!()
      expect(await other.claim('k', 1_000)).toBeNull()
    },
  },
]
