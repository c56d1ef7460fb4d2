// A cache gives back the entries that it took.
import { expect } from 'bun:test'
import type { CacheCase } from './case.ts'
import { entryAt, put } from './builders.ts'

export const entries: readonly CacheCase[] = [
  {
    title: 'begins empty',
    run: async ({ cache }) => {
      expect(await cache.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives back what it took, to every process',
    run: async tested => {
      const entry = entryAt(5, tested.now(), {
        body: '{"x":"ü\\n 😀","y":[1.5e300,null]}\n',
        etag: 'W/"1,2"',
        tags: ['a', 'b c,d', 'ü😀'],
      })
      expect(await tested.cache.set('k', entry, async () => 5)).toBe('stored')
      expect(await tested.cache.get('k', 0)).toEqual(entry)
      expect(await tested.other.get('k', 0)).toEqual(entry)
      expect(await tested.cache.get('another', 0)).toBeNull()
    },
  },
  {
    title: 'keeps a negative answer, one without a tag, and one of an empty list',
    run: async tested => {
      const { cache, now } = tested
      for (const [key, body, tags] of [
        ['n', 'null', ['a']],
        ['t', '{}', []],
        ['l', '[]', ['a']],
      ] as const) {
        expect(await cache.set(key, entryAt(3, now(), { body, tags }), async () => 3)).toBe('stored')
        expect((await cache.get(key, 0))?.body).toBe(body)
      }
    },
  },
  {
    title: 'takes nothing with more than 256 tags, and harms nothing by it',
    run: async tested => {
      const buildTags = (count: number) => Array.from({ length: count }, (_, i) => `tag-${i}`)
      expect(await put(tested, 5, { tags: buildTags(257) })).toBe('failed')
      expect(await tested.cache.get('k', 0)).toBeNull()
      expect(await put(tested, 5, { tags: buildTags(256) })).toBe('stored')
      await tested.cache.raise(buildTags(2_000), 6)
      expect(await tested.cache.get('k', 0)).toBeNull()
    },
  },
]
