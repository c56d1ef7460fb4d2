// A slice without events checks the version of its stream and writes nothing.
import { expect } from 'bun:test'
import type { StoreCase } from './case.ts'
import { appendConflicting, appendUnit, newEvent, readLog, slice, unit } from './builders.ts'

export const checks: readonly StoreCase[] = [
  {
    title: 'only checks a slice without events, and tells its version',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1), newEvent(2)]))
      for (const expected of [2, 'exists', 'any'] as const)
        expect((await appendUnit(store, unit('s-1', expected, []))).slices).toEqual([{ version: 2, position: 0 }])
      expect((await appendUnit(store, unit('s-2', 0, []))).slices).toEqual([{ version: 0, position: 0 }])
      expect(await store.head()).toBe(2)
    },
  },
  {
    title: 'refuses a slice without events as it does one with events',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1), newEvent(2)]))
      const missed = (await readLog(store)).slice(1)
      expect(await appendConflicting(store, unit('s-1', 1, []))).toEqual({ stream: 's-1', expected: 1, actual: 2, missed })
      expect(await appendConflicting(store, unit('s-2', 'exists', []))).toMatchObject({ expected: 'exists', actual: 0 })
      const outcomes = await store.append([unit('s-1', 2, []), unit('s-2', 1, []), unit('s-3', 0, [])])
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['appended', 'conflict', 'appended'])
    },
  },
  {
    title: 'appends to one stream only if another, to which nothing is appended, is as expected',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      expect(await appendConflicting(store, { slices: [slice('s-1', 0, 0), slice('s-2', 0)], keys: [] })).toMatchObject({
        stream: 's-1',
      })
      const { slices } = await appendUnit(store, { slices: [slice('s-1', 1, 0), slice('s-2', 0)], keys: [] })
      expect(slices).toEqual([
        { version: 1, position: 0 },
        { version: 1, position: 2 },
      ])
    },
  },
  {
    title: 'checks one stream for several units of an append, each for itself',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-0', 0, [newEvent(1), newEvent(2)]))
      const checking = (stream: string, version: number) => ({ slices: [slice(stream, 0), slice('s-0', version, 0)], keys: [] })
      const outcomes = await store.append([checking('s-1', 2), checking('s-2', 1), checking('s-3', 2)])
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['appended', 'conflict', 'appended'])
      expect((await readLog(store)).map(({ stream }) => stream)).toEqual(['s-0', 's-0', 's-1', 's-3'])
      const again = await store.append([unit('s-0', 2, []), checking('s-4', 2)])
      expect(again).toMatchObject([
        { slices: [{ version: 2, position: 0 }] },
        {
          slices: [
            { version: 1, position: 5 },
            { version: 2, position: 0 },
          ],
        },
      ])
    },
  },
]
