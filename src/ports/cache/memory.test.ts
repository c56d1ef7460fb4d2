import { describe, expect, test } from 'bun:test'
import { cacheContract } from './contract/index.ts'
import { entryAt } from './contract/builders.ts'
import { memoryCache } from './memory.ts'

/** Watermarks are forgotten by raising as many others to the same position, entries by ones that need their room. */
cacheContract('memory', async () => {
  let now = 1_000_000
  const cache = memoryCache({ now: () => now, watermarksMax: 8, bytesMax: 98_400 })
  let highest = 0
  const raise = (tags: readonly string[], position: number) => {
    highest = Math.max(highest, position)
    return cache.raise(tags, position)
  }
  return {
    cache: { ...cache, raise },
    other: { ...cache, raise },
    now: () => now,
    advance: ms => {
      now += ms
    },
    evict: async () => {
      await cache.set('large', entryAt(highest, now, { body: 'x'.repeat(49_000), tags: [] }), async () => highest)
    },
    forget: () =>
      cache.raise(
        Array.from({ length: 9 }, (_, i) => `filling ${highest} ${i}`),
        highest,
      ),
    close: () => cache.close(),
  }
})

describe('a cache in memory', () => {
  test('a cache in memory stays within its bytes, and forgets what was used least', async () => {
    const cache = memoryCache({ bytesMax: 10_000, now: () => 0 })
    const entry = entryAt(1, 0, { body: 'x'.repeat(1_000) })
    for (let i = 0; i < 20; i++) {
      expect(await cache.set(`k${i}`, entry, async () => 1)).toBe('stored')
      expect(await cache.get('k0', 0)).not.toBeNull()
    }
    expect(cache.bytes).toBeLessThanOrEqual(10_000)
    expect(await cache.get('k1', 0)).toBeNull()
    expect(await cache.set('huge', { ...entry, body: 'x'.repeat(9_000) }, async () => 1)).toBe('failed')
  })

  test('a cache in memory answers without waiting what it would answer after waiting', async () => {
    let now = 0
    const cache = memoryCache({ now: () => now })
    const entry = entryAt(5, 0)
    const getBoth = async (atLeast: number) => [cache.getSync!('k', atLeast), await cache.get('k', atLeast)]
    expect(await getBoth(0)).toEqual([null, null])
    await cache.set('k', entry, async () => 5)
    expect(await getBoth(5)).toEqual([entry, entry])
    expect(await getBoth(6)).toEqual([null, null])
    now = entry.staleUntil
    expect(cache.getSync!('k', 0)).toBeNull()
    await cache.set('k', { ...entry, staleUntil: now + 1 }, async () => 5)
    await cache.raise(entry.tags, 6)
    expect(cache.getSync!('k', 0)).toBeNull()
  })

  test('a cache in memory takes everything below its floor for a miss, and refuses it', async () => {
    const cache = memoryCache({ now: () => 0 })
    await cache.set('old', entryAt(5, 0), async () => 5)
    await cache.set('new', entryAt(9, 0), async () => 9)
    cache.floor(7)
    cache.floor(3)
    expect(await cache.get('old', 0)).toBeNull()
    expect(await cache.set('old', entryAt(6, 0), async () => 9)).toBe('refused')
    expect((await cache.get('new', 0))?.position).toBe(9)
  })

  test('a cache in memory forgets the watermark that was raised longest ago, and lets its floor stand for it', async () => {
    const cache = memoryCache({ now: () => 0, watermarksMax: 2 })
    await cache.raise(['a'], 5)
    await cache.raise(['b'], 6)
    await cache.raise(['a'], 7)
    await cache.raise(['c'], 8)
    expect(await cache.set('b', entryAt(5, 0, { tags: ['b'] }), async () => 8)).toBe('refused')
    expect(await cache.set('b', entryAt(6, 0, { tags: ['b'] }), async () => 8)).toBe('stored')
    expect(await cache.set('a', entryAt(6, 0, { tags: ['a'] }), async () => 8)).toBe('refused')
    expect(await cache.set('d', entryAt(5, 0, { tags: ['d'] }), async () => 8)).toBe('refused')
  })
})
