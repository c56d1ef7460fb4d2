// An entry ends with its time.
import { expect } from 'bun:test'
import type { CacheCase } from './case.ts'
import { put } from './builders.ts'

export const expiry: readonly CacheCase[] = [
  {
    title: 'gives nothing after its time',
    run: async tested => {
      await put(tested, 5, { freshUntil: tested.now() + 100, staleUntil: tested.now() + 200 })
      expect(await tested.cache.get('k', 0)).not.toBeNull()
      await tested.advance(201)
      expect(await tested.cache.get('k', 0)).toBeNull()
    },
  },
]
