// Fingerprints are left under a name, for the processes that come later.
import { expect } from 'bun:test'
import type { ReadModelCase } from './case.ts'

export const fingerprints: readonly ReadModelCase[] = [
  {
    title: 'keeps the fingerprints of a name in their order, until others replace them',
    run: async ({ readModel, reopen }) => {
      expect(await readModel.fingerprints('orders_v1')).toEqual([])
      await readModel.setFingerprints('orders_v1', ['b', 'a'])
      await readModel.setFingerprints('orders_v2', ['絵"\\'])
      const reopened = await reopen()
      expect(await reopened.fingerprints('orders_v1')).toEqual(['b', 'a'])
      expect(await reopened.fingerprints('orders_v2')).toEqual(['絵"\\'])
      await reopened.setFingerprints('orders_v1', ['c'])
      expect(await reopened.fingerprints('orders_v1')).toEqual(['c'])
    },
  },
]
