// Refusals are bounded by age and by number, and a flood of one kind pushes out no other kind.
import { expect } from 'bun:test'
import type { RefusalsCase } from './case.ts'
import { actorsOf, NOW, refusal } from './builders.ts'

const BOUNDS = { after: 0, ofKind: 100, all: 100 }

export const forgetting: readonly RefusalsCase[] = [
  {
    title: 'forget those before a time, and say how many',
    run: async ({ refusals }) => {
      await refusals.add([refusal('a', { at: NOW - 1 }), refusal('b'), refusal('c', { at: NOW - 2 })])
      expect(await refusals.forget({ ...BOUNDS, after: NOW })).toBe(2)
      expect(await actorsOf(refusals)).toEqual(['b'])
      expect(await refusals.forget({ ...BOUNDS, after: NOW })).toBe(0)
    },
  },
  {
    title: 'keep the newest of each command and code, so that a flood of one kind pushes out no other',
    run: async ({ refusals }) => {
      await refusals.add([refusal('a', { code: 'late' }), refusal('b', { command: 'order.cancel' })])
      await refusals.add(Array.from({ length: 50 }, (_, i) => refusal(`flood${i}`)))
      expect(await refusals.forget({ ...BOUNDS, ofKind: 2 })).toBe(48)
      expect(await actorsOf(refusals)).toEqual(['flood49', 'flood48', 'b', 'a'])
    },
  },
  {
    title: 'keep the newest of all kinds together',
    run: async ({ refusals }) => {
      await refusals.add(['a', 'b', 'c', 'd'].map(actor => refusal(actor, { code: `code-${actor}` })))
      expect(await refusals.forget({ ...BOUNDS, all: 3 })).toBe(1)
      expect(await actorsOf(refusals)).toEqual(['d', 'c', 'b'])
    },
  },
]
