// A conflict carries the events that the appender missed.
import { expect } from 'bun:test'
import type { StoreCase } from './case.ts'
import { ODD_TEXTS, appendConflicting, appendUnit, newEvent, newEventOfText, slice, unit } from './builders.ts'

export const conflicts: readonly StoreCase[] = [
  {
    title: 'sends with a conflict the events that were missed, byte for byte',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent('before'), ...ODD_TEXTS.map(newEventOfText)]))
      const { missed } = await appendConflicting(store, unit('s-1', 1, [newEvent(2)]))
      expect(missed).toEqual(await store.read('s-1', { after: 1, limit: 1_000 }))
      expect(missed?.map(({ data }) => data)).toEqual(ODD_TEXTS)
    },
  },
  {
    title: 'sends up to 256 KiB of missed events, and beyond that only the version',
    run: async ({ store }) => {
      const large = () => newEvent('x'.repeat(60_000))
      await appendUnit(store, unit('s-1', 0, [large(), large(), large(), large()]))
      expect((await appendConflicting(store, unit('s-1', 0, []))).missed).toHaveLength(4)
      await appendUnit(store, unit('s-1', 4, [large()]))
      expect(await appendConflicting(store, unit('s-1', 0, [newEvent(1)]))).toMatchObject({ actual: 5, missed: null })
      expect(await appendConflicting(store, unit('s-1', 0, []))).toMatchObject({ actual: 5, missed: null })
      expect((await appendConflicting(store, unit('s-1', 1, [newEvent(1)]))).missed).toHaveLength(4)
      // The store goes on as before: reading what was too much is at an end.
      await appendUnit(store, unit('s-1', 5, [newEvent(1)]))
    },
  },
  {
    title: 'sends no events where nothing was missed, or no exact version was expected',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      expect(await appendConflicting(store, unit('s-1', 2, [newEvent(2)]))).toMatchObject({ actual: 1, missed: null })
      expect(await appendConflicting(store, unit('s-2', 'exists', [newEvent(2)]))).toMatchObject({ actual: 0, missed: null })
    },
  },
  {
    title: 'makes a unit that is sent again after an unknown outcome recognisable: what it missed has its own ids',
    run: async ({ store, reopen }) => {
      const said = { slices: [slice('s-1', 0, 3), slice('s-2', 0, 1)], keys: [] }
      await store.append([said])
      const [again] = await (await reopen()).append([said])
      expect(again?.outcome).toBe('conflict')
      const missed = again?.outcome === 'conflict' ? again.conflicts.map(({ missed }) => missed?.map(({ id }) => id)) : []
      expect(missed).toEqual(said.slices.map(({ events }) => events.map(({ id }) => id)))
    },
  },
]
