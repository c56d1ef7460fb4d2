// A store enforces the version that a slice expects of its stream.
import { expect } from 'bun:test'
import type { StoreCase } from './case.ts'
import { CALLERS, appendConflicting, appendUnit, callMany, countOutcomes, newEvent, unit } from './builders.ts'

export const expectations: readonly StoreCase[] = [
  {
    title: 'appends at exactly the version expected',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1), newEvent(2)]))
      expect((await appendUnit(store, unit('s-1', 2, [newEvent(3)]))).slices).toEqual([{ version: 3, position: 3 }])
    },
  },
  {
    title: 'refuses another version than the one expected, below and above, and tells the actual one',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1), newEvent(2)]))
      for (const version of [0, 1, 3, 4_000_000_000])
        expect(await appendConflicting(store, unit('s-1', version, [newEvent(3)]))).toMatchObject({
          expected: version,
          actual: 2,
        })
      expect(await store.head()).toBe(2)
    },
  },
  {
    title: 'appends to a stream that must not exist, and refuses one that does',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      expect(await appendConflicting(store, unit('s-1', 0, [newEvent(2)]))).toMatchObject({
        stream: 's-1',
        expected: 0,
        actual: 1,
      })
      expect(await store.head()).toBe(1)
    },
  },
  {
    title: 'appends to a stream that must exist, and refuses one that does not',
    run: async ({ store }) => {
      expect(await appendConflicting(store, unit('s-1', 'exists', [newEvent(1)]))).toEqual({
        stream: 's-1',
        expected: 'exists',
        actual: 0,
        missed: null,
      })
      expect(await store.head()).toBe(0)
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      expect((await appendUnit(store, unit('s-1', 'exists', [newEvent(2)]))).slices).toEqual([{ version: 2, position: 2 }])
    },
  },
  {
    title: 'appends to any stream, whether it exists or not',
    run: async ({ store }) => {
      expect((await appendUnit(store, unit('s-1', 'any', [newEvent(1)]))).slices).toEqual([{ version: 1, position: 1 }])
      expect((await appendUnit(store, unit('s-1', 'any', [newEvent(2)]))).slices).toEqual([{ version: 2, position: 2 }])
    },
  },
  {
    title: `lets exactly one of ${CALLERS} callers create a stream`,
    run: async ({ store }) => {
      const outcomes = await callMany(i => store.append([unit('s-1', 0, [newEvent(i)])]))
      expect(countOutcomes(outcomes)).toEqual({ appended: 1, conflict: CALLERS - 1 })
      expect(await store.read('s-1', { after: 0, limit: 10 })).toHaveLength(1)
    },
  },
  {
    title: `gives ${CALLERS} callers that do not mind the version one version each`,
    run: async ({ store }) => {
      const outcomes = await callMany(i => store.append([unit('s-1', 'any', [newEvent(i)])]))
      const versions = outcomes.map(outcome => (outcome.outcome === 'appended' ? outcome.slices[0]!.version : 0))
      expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: CALLERS }, (_, i) => i + 1))
    },
  },
]
