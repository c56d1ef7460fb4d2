// A unit is appended whole or not at all, and fails none of its neighbours.
import { expect } from 'bun:test'
import type { StoreCase } from './case.ts'
import { appendConflicting, appendUnit, newEvent, newKey, readLog, slice, unit } from './builders.ts'

export const atomicity: readonly StoreCase[] = [
  {
    title: 'appends to several streams at once',
    run: async ({ store }) => {
      const { slices } = await appendUnit(store, { slices: [slice('s-1', 0, 2), slice('s-2', 0, 1)], keys: [] })
      expect(slices).toEqual([
        { version: 2, position: 2 },
        { version: 1, position: 3 },
      ])
    },
  },
  {
    title: 'appends nothing of a unit of which one slice fails, whichever it is',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      for (const slices of [
        [slice('s-2', 0), slice('s-1', 0), slice('s-3', 0)],
        [slice('s-1', 0), slice('s-2', 0)],
        [slice('s-2', 0), slice('s-1', 0)],
      ])
        expect(await appendConflicting(store, { slices, keys: [newKey('k', 's-2', 1, 1)] })).toMatchObject({
          stream: 's-1',
          actual: 1,
        })
      expect(await store.head()).toBe(1)
      expect((await store.load([{ stream: 's-2', after: 0 }], ['k'])).keys).toEqual([])
    },
  },
  {
    title: 'names every slice that fails, and no other',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      const [outcome] = await store.append([
        { slices: [slice('s-1', 0), slice('s-2', 'any'), slice('s-3', 'exists'), slice('s-4', 7)], keys: [] },
      ])
      const conflicts = outcome?.outcome === 'conflict' ? outcome.conflicts : []
      expect(conflicts.map(({ stream, expected, actual }) => ({ stream, expected, actual }))).toEqual([
        { stream: 's-1', expected: 0, actual: 1 },
        { stream: 's-3', expected: 'exists', actual: 0 },
        { stream: 's-4', expected: 7, actual: 0 },
      ])
    },
  },
  {
    title: "gives each unit its own outcome: a neighbour's conflict or known key fails nobody else",
    run: async ({ store }) => {
      await appendUnit(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
      const outcomes = await store.append([
        unit('s-2', 0, [newEvent(1)]),
        unit('s-1', 0, [newEvent(2)]),
        { slices: [slice('s-3', 0, 2), slice('s-4', 0)], keys: [newKey('k2', 's-3', 2, 2)] },
        { slices: [slice('s-5', 0)], keys: [newKey('k', 's-5', 1, 1)] },
        { slices: [slice('s-6', 0), slice('s-7', 'exists')], keys: [] },
        unit('s-8', 'any', [newEvent(3)]),
      ])
      expect(outcomes.map(({ outcome }) => outcome)).toEqual([
        'appended',
        'conflict',
        'appended',
        'duplicate',
        'conflict',
        'appended',
      ])
      const found = (await readLog(store)).slice(1)
      expect(found.map(({ stream, version }) => `${stream}@${version}`)).toEqual(['s-2@1', 's-3@1', 's-3@2', 's-4@1', 's-8@1'])
      const ends = outcomes.flatMap(outcome =>
        outcome.outcome === 'appended' ? outcome.slices.map(({ position }) => position) : [],
      )
      expect(ends).toEqual([0, 2, 3, 4].map(i => found[i]!.position))
      expect(await store.head()).toBe(found.at(-1)!.position)
      // Positions follow each other, also behind a unit that failed.
      expect(found.map(({ position }) => position)).toEqual([2, 3, 4, 5, 6])
      expect((await store.load([], ['k2'])).keys).toMatchObject([{ key: 'k2', version: 2, position: found[2]!.position }])
    },
  },
  {
    title: 'takes an empty list of units',
    run: async ({ store }) => {
      expect(await store.append([])).toEqual([])
      expect(await store.head()).toBe(0)
    },
  },
]
