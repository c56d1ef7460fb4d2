// Seals stand in the order of the log, one for each beginning.
import { expect } from 'bun:test'
import { seal } from './builders.ts'
import type { PromisesCase } from './case.ts'

export const seals: readonly PromisesCase[] = [
  {
    title: 'find the first seal from a position on, and the last of all',
    run: async ({ promises }) => {
      expect(await promises.sealFrom(0)).toBeNull()
      expect(await promises.lastSeal()).toBeNull()
      for (const after of [2_000, 9_007_199_254_000_000, 0]) await promises.seal(seal(after))
      expect(await promises.sealFrom(0)).toEqual(seal(0))
      expect(await promises.sealFrom(1)).toEqual(seal(2_000))
      expect(await promises.sealFrom(2_000)).toEqual(seal(2_000))
      expect(await promises.sealFrom(9_007_199_254_000_001)).toBeNull()
      expect(await promises.lastSeal()).toEqual(seal(9_007_199_254_000_000))
    },
  },
  {
    title: 'keep a seal in place of one with the same beginning',
    run: async ({ promises }) => {
      await promises.seal(seal(5, { until: 9, count: 4, lastAt: '' }))
      const longer = seal(5, { until: 20, count: 15, digest: 'other', epoch: 2 })
      await promises.seal(longer)
      expect(await promises.lastSeal()).toEqual(longer)
      expect(await promises.sealFrom(6)).toBeNull()
    },
  },
  {
    title: 'forget all seals, say how many, and no breach with them',
    run: async ({ promises }) => {
      await promises.addBreach({ promise: 'rows', subject: 'a', message: 'm', foundBy: 'f', at: 1 })
      for (const after of [0, 1_000]) await promises.seal(seal(after))
      expect(await promises.forgetSeals()).toBe(2)
      expect(await promises.forgetSeals()).toBe(0)
      expect(await promises.lastSeal()).toBeNull()
      expect((await promises.breaches()).length).toBe(1)
    },
  },
]
