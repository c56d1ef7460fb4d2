// Refusals are given back as they were added, the newest first.
import { expect } from 'bun:test'
import type { RefusalsCase } from './case.ts'
import { actorsOf, NOW, refusal } from './builders.ts'

export const listing: readonly RefusalsCase[] = [
  {
    title: 'give each refusal as it was added, whatever its texts hold',
    run: async ({ refusals }) => {
      const odd = `o'brien "\\ ü 日本 {x},\n`
      const added = [
        refusal(odd, { command: odd, stream: `order-${odd}`, code: odd, text: odd, correlation: odd, traceId: odd, more: 7 }),
        refusal('b', { by: 'rule', actor: null, text: '' }),
      ]
      await refusals.add(added)
      const shown = added.map(one => ({ ...one, at: new Date(NOW).toISOString() }))
      expect(await refusals.list({ since: 0, limit: 10 })).toEqual(shown.toReversed())
    },
  },
  {
    title: 'list those that were added last first, whatever time they have, and no more than the limit',
    run: async ({ refusals }) => {
      await refusals.add([refusal('a'), refusal('b')])
      await refusals.add([])
      await refusals.add([refusal('c', { at: NOW - 5_000 }), refusal('d')])
      expect(await actorsOf(refusals)).toEqual(['d', 'c', 'b', 'a'])
      expect(await actorsOf(refusals, { limit: 3 })).toEqual(['d', 'c', 'b'])
    },
  },
  {
    title: 'list only those of a command, a code, an actor and since a time',
    run: async ({ refusals }) => {
      await refusals.add([
        refusal('a', { command: 'order.cancel' }),
        refusal('b', { code: 'late' }),
        refusal('c', { at: NOW - 1 }),
        refusal('d', { command: 'order.cancel', code: 'late' }),
      ])
      expect(await actorsOf(refusals, { command: 'order.cancel' })).toEqual(['d', 'a'])
      expect(await actorsOf(refusals, { code: 'late' })).toEqual(['d', 'b'])
      expect(await actorsOf(refusals, { command: 'order.cancel', code: 'late' })).toEqual(['d'])
      expect(await actorsOf(refusals, { actor: 'c' })).toEqual(['c'])
      expect(await actorsOf(refusals, { since: NOW })).toEqual(['d', 'b', 'a'])
      expect(await actorsOf(refusals, { command: 'order', actor: 'a' })).toEqual([])
    },
  },
]
