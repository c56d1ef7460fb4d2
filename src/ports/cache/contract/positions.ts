// A cache compares entries by their positions, and gives nothing older than a token.
import { expect } from 'bun:test'
import type { CacheCase } from './case.ts'
import { put } from './builders.ts'

export const positions: readonly CacheCase[] = [
  {
    title: 'compares positions up to 2^53 - 1 exactly',
    run: async tested => {
      const last = Number.MAX_SAFE_INTEGER
      expect(await put(tested, last - 1, {}, last - 1)).toBe('stored')
      expect((await tested.cache.get('k', last - 1))?.position).toBe(last - 1)
      expect(await tested.cache.get('k', last)).toBeNull()
      await tested.cache.raise(['a'], last)
      expect(await tested.cache.get('k', 0)).toBeNull()
      expect(await put(tested, last - 1, {}, last)).toBe('refused')
      expect(await put(tested, last, {}, last)).toBe('stored')
    },
  },
  {
    title: 'gives nothing that is older than the token',
    run: async tested => {
      await put(tested, 5)
      expect((await tested.cache.get('k', 5))?.position).toBe(5)
      expect(await tested.cache.get('k', 6)).toBeNull()
      expect((await tested.cache.get('k', 4))?.position).toBe(5)
    },
  },
  {
    title: 'never puts an older value over a newer one, and takes one of the same position',
    run: async tested => {
      // Its tag is at 5, so that it is the value itself that is newer.
      await put(tested, 5)
      expect(await put(tested, 8, { body: '"new"' })).toBe('stored')
      expect(await put(tested, 7, { body: '"old"' }, 8)).toBe('refused')
      expect((await tested.cache.get('k', 0))?.body).toBe('"new"')
      expect(await put(tested, 8, { body: '"same"' })).toBe('stored')
      expect((await tested.cache.get('k', 0))?.body).toBe('"same"')
    },
  },
]
