import { describe, expect, test } from 'bun:test'
import type { Cache, Entry } from '../ports/cache/cache.ts'
import { cacheContract } from '../ports/cache/contract/index.ts'
import { entryAt } from '../ports/cache/contract/builders.ts'
import { memoryCache } from '../ports/cache/memory.ts'
import { tierCaches } from './tiered.ts'

cacheContract('memory before memory', async () => {
  let now = 1_000_000
  const tiers = [memoryCache({ now: () => now, watermarksMax: 8, bytesMax: 98_400 }), memoryCache({ now: () => now })]
  let [highest, lost] = [0, false]
  const cache = tierCaches([tiers[0]!, loseReads(tiers[1]!, () => lost)])
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
      lost = true
      await tiers[0]!.set('large', entryAt(highest, now, { body: 'x'.repeat(49_000), tags: [] }), async () => highest)
    },
    forget: () =>
      tiers[0]!.raise(
        Array.from({ length: 9 }, (_, i) => `filling ${highest} ${i}`),
        highest,
      ),
    close: () => cache.close(),
  }
})

/** A cache that has forgotten its entries once told so. */
function loseReads(cache: Cache, isLost: () => boolean): Cache {
  return { ...cache, get: async (key, atLeast) => (isLost() ? null : cache.get(key, atLeast)) }
}

const throwing: Cache = {
  get: () => Promise.reject(new Error('get')),
  set: () => Promise.reject(new Error('set')),
  raise: () => Promise.reject(new Error('raise')),
  claim: () => Promise.reject(new Error('claim')),
  close: () => Promise.reject(new Error('close')),
}
const entry = (position: number, more: Partial<Entry> = {}) => entryAt(position, Date.now(), more)

describe('tiers', () => {
  test('tiers answer with the first hit, and fill those before it with that very entry', async () => {
    const [near, middle, far] = [memoryCache(), memoryCache(), memoryCache()]
    const hit = entry(5)
    await far.set('k', hit, async () => 5)
    expect(await tierCaches([near, middle, far]).get('k', 5)).toEqual(hit)
    expect(await near.get('k', 5)).toEqual(hit)
    expect(await middle.get('k', 5)).toEqual(hit)
  })

  test('tiers have at hand what the nearest has, and ask no other', async () => {
    const [near, far] = [memoryCache(), memoryCache()]
    const cache = tierCaches([near, far])
    await far.set('k', entry(5), async () => 5)
    expect(cache.getSync!('k', 0)).toBeNull()
    await cache.get('k', 0)
    expect(cache.getSync!('k', 0)?.position).toBe(5)
    expect(tierCaches([throwing, far]).getSync!('k', 0)).toBeNull()
  })

  test('tiers give no hit that a nearer one refuses, as it has a raise that the farther one has not', async () => {
    const [near, far] = [memoryCache(), memoryCache()]
    await far.set('k', entry(5), async () => 5)
    await near.raise(['a'], 6)
    expect(await tierCaches([near, far]).get('k', 0)).toBeNull()
  })

  test('tiers put nothing into a nearer one that a farther one refuses', async () => {
    const [near, far] = [memoryCache(), memoryCache()]
    await far.raise(['a'], 6)
    expect(await tierCaches([near, far]).set('k', entry(5), async () => 6)).toBe('refused')
    expect(await near.get('k', 0)).toBeNull()
  })

  test('tiers raise and set all of them', async () => {
    const [near, far] = [memoryCache(), memoryCache()]
    const cache = tierCaches([near, far])
    expect(await cache.set('k', entry(5), async () => 5)).toBe('stored')
    expect([await near.get('k', 0), await far.get('k', 0)]).not.toContain(null)
    await cache.raise(['a'], 6)
    expect([await near.get('k', 0), await far.get('k', 0)]).toEqual([null, null])
  })

  test.each([
    ['nearer', 0],
    ['farther', 1],
  ] as const)('tiers go on where the %s one throws', async (_, at) => {
    const sound = memoryCache()
    const cache = tierCaches(at === 0 ? [throwing, sound] : [sound, throwing])
    expect(await cache.set('k', entry(5), async () => 5)).toBe('stored')
    expect((await cache.get('k', 0))?.position).toBe(5)
    expect(await cache.claim('k', 1_000)).not.toBeNull()
    await expect(cache.raise(['a'], 6)).rejects.toThrow('raise')
    expect(await cache.get('k', 0)).toBeNull()
    await cache.close()
  })

  test('tiers report one that fails once, and once more when it works again', async () => {
    const reported: unknown[] = []
    let isLost = true
    const memory = memoryCache()
    const far = { ...memory, get: async () => (isLost ? Promise.reject(new Error('gone')) : null) }
    const cache = tierCaches([memoryCache(), far], one => reported.push(one))
    for (const _ of [1, 2, 3]) expect(await cache.get('k', 0)).toBeNull()
    isLost = false
    for (const _ of [1, 2]) await cache.get('k', 0)
    expect(reported).toMatchObject([
      { code: 'retry-began', fields: { tier: 2 }, cause: new Error('gone') },
      { code: 'retry-ended', fields: { tier: 2, failures: 3 } },
    ])
  })

  test('tiers say that nothing was stored where none of them stored it', async () => {
    expect(await tierCaches([throwing, throwing]).set('k', entry(5), async () => 5)).toBe('failed')
    expect(() => tierCaches([])).toThrow('at least one')
  })

  test('tiers let the last one decide which caller builds, as it is shared with most', async () => {
    const far = memoryCache()
    const [here, there] = [tierCaches([memoryCache(), far]), tierCaches([memoryCache(), far])]
    const release = await here.claim('k', 1_000)
    expect(await there.claim('k', 1_000)).toBeNull()
    await release!()
    expect(await there.claim('k', 1_000)).not.toBeNull()
  })
})
