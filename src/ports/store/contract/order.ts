// The order of positions is the order of commits.
import { expect } from 'bun:test'
import type { StoredEvent } from '../event.ts'
import type { StoreCase } from './case.ts'
import { CALLERS, appendUnit, callMany, newEvent, readLog, slice, unit } from './builders.ts'

export const order: readonly StoreCase[] = [
  {
    title: 'begins empty: the head is 0, and no stream has events',
    run: async ({ store }) => {
      expect(await store.head()).toBe(0)
      expect(await store.readAll({ after: 0, limit: 10 })).toEqual([])
      expect(await store.read('s-1', { after: 0, limit: 10 })).toEqual([])
      const { streams, keys } = await store.load([{ stream: 's-1', after: 0 }], ['k'])
      expect(streams).toEqual([{ snapshot: null, facts: [], version: 0, position: 0, more: false, size: 0 }])
      expect(keys).toEqual([])
    },
  },
  {
    title: 'records events in the order given, with contiguous versions and positions, and returns their places',
    run: async ({ store }) => {
      const [a, b, c] = [newEvent(1), newEvent(2), newEvent(3)]
      const first = await appendUnit(store, unit('s-1', 0, [a!, b!]))
      const second = await appendUnit(store, unit('s-2', 0, [c!]))
      expect(first.slices).toEqual([{ version: 2, position: 2 }])
      expect(second.slices).toEqual([{ version: 1, position: 3 }])
      expect(await readLog(store)).toEqual([
        { ...a!, stream: 's-1', version: 1, position: 1, at: first.at },
        { ...b!, stream: 's-1', version: 2, position: 2, at: first.at },
        { ...c!, stream: 's-2', version: 1, position: 3, at: second.at },
      ])
      expect(await store.head()).toBe(3)
    },
  },
  {
    title: 'records the units of an append in their order, and the slices of a unit in theirs',
    run: async ({ store }) => {
      const units = [
        { slices: [slice('s-b', 0, 2), slice('s-a', 0, 1)], keys: [] },
        { slices: [slice('s-d', 0, 1), slice('s-c', 'any', 2)], keys: [] },
      ]
      const outcomes = await store.append(units)
      const found = await readLog(store)
      expect(found.map(({ stream, version }) => `${stream}@${version}`)).toEqual([
        's-b@1',
        's-b@2',
        's-a@1',
        's-d@1',
        's-c@1',
        's-c@2',
      ])
      expect(found.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6])
      expect(found.map(({ id }) => id)).toEqual(
        units.flatMap(({ slices }) => slices.flatMap(({ events }) => events.map(e => e.id))),
      )
      expect(outcomes.map(outcome => (outcome.outcome === 'appended' ? outcome.slices : null))).toEqual([
        [
          { version: 2, position: 2 },
          { version: 1, position: 3 },
        ],
        [
          { version: 1, position: 4 },
          { version: 2, position: 6 },
        ],
      ])
    },
  },
  {
    title: 'never shows a reader that has passed a position an event at or below it, however many write',
    run: async ({ store }) => {
      let writing = true
      const writers = callMany(async i => {
        for (let version = 0; version < 4; version++) await appendUnit(store, unit(`s-${i}`, version, [newEvent(version)]))
        return []
      }).finally(() => {
        writing = false
      })
      const seen: StoredEvent[] = []
      for (let ended = false; !ended; ) {
        // Asked before the page is: what was answered by then has to be in this page or the one before.
        const last = !writing
        const page = await store.readAll({ after: seen.at(-1)?.position ?? 0, limit: 7 })
        seen.push(...page)
        ended = last && page.length === 0
      }
      await writers
      expect(seen).toEqual([...(await readLog(store))])
      expect(seen.length).toBe(CALLERS * 4)
      expect(seen.every(({ position }, i) => i === 0 || position > seen[i - 1]!.position)).toBeTrue()
    },
  },
]
