// A store loads streams, snapshots and keys in one call.
import { expect } from 'bun:test'
import { factsMaxOf, LOAD_FACTS_MAX } from '../load.ts'
import type { StoreCase } from './case.ts'
import { appendUnit, newEvent, newEventOfText, newKey, ODD_TEXTS, slice, unit } from './builders.ts'

export const loading: readonly StoreCase[] = [
  {
    title: 'loads what is after a version, with the version and position of the whole stream',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, ['a', 'b', 'c'].map(newEvent)))
      const load = async (after: number) => (await store.load([{ stream: 's-1', after }], [])).streams[0]!
      expect(await load(1)).toEqual({
        snapshot: null,
        facts: ['b', 'c'].map(data => ({ type: 'Happened', schema: 'abcdefghij', data })),
        version: 3,
        position: 3,
        more: false,
        size: 6,
      })
      expect(await load(3)).toEqual({ snapshot: null, facts: [], version: 3, position: 3, more: false, size: 0 })
    },
  },
  {
    title: 'loads a long stream in parts, and says that there is more',
    run: async ({ store }) => {
      await appendUnit(
        store,
        unit(
          's-1',
          0,
          Array.from({ length: LOAD_FACTS_MAX + 2 }, (_, i) => newEvent(i)),
        ),
      )
      const first = (await store.load([{ stream: 's-1', after: 0 }], [])).streams[0]!
      expect(first).toMatchObject({ version: LOAD_FACTS_MAX + 2, position: LOAD_FACTS_MAX + 2, more: true })
      expect(first.facts.map(({ data }) => data)).toEqual(Array.from({ length: LOAD_FACTS_MAX }, (_, i) => i))
      const rest = (await store.load([{ stream: 's-1', after: LOAD_FACTS_MAX }], [])).streams[0]!
      expect(rest).toMatchObject({ version: LOAD_FACTS_MAX + 2, more: false })
      expect(rest.facts.map(({ data }) => data)).toEqual([LOAD_FACTS_MAX, LOAD_FACTS_MAX + 1])
      const exact = (await store.load([{ stream: 's-1', after: 2 }], [])).streams[0]!
      expect(exact).toMatchObject({ more: false })
    },
  },
  {
    title: 'loads fewer facts of each stream the more streams there are, and says of which there are more',
    run: async ({ store }) => {
      const streams = Array.from({ length: 100 }, (_, i) => `s-${i}`)
      const limit = factsMaxOf(streams.length)
      await appendUnit(
        store,
        unit(
          's-7',
          0,
          Array.from({ length: limit + 1 }, (_, i) => newEvent(i)),
        ),
      )
      await appendUnit(
        store,
        unit(
          's-8',
          0,
          Array.from({ length: limit }, (_, i) => newEvent(i)),
        ),
      )
      const { streams: found } = await store.load(
        streams.map(stream => ({ stream, after: 0 })),
        [],
      )
      expect(found.slice(6, 9).map(({ facts, version, more }) => [facts.length, version, more])).toEqual([
        [0, 0, false],
        [limit, limit + 1, true],
        [limit, limit, false],
      ])
    },
  },
  {
    title: 'loads the metadata of facts of the streams of which it is asked for, byte for byte, and of no others',
    run: async ({ store }) => {
      const events = ODD_TEXTS.map(newEventOfText)
      for (const stream of ['s-1', 's-2', 's-3']) await appendUnit(store, unit(stream, 0, events))
      const { streams } = await store.load(
        [
          { stream: 's-1', after: 0 },
          { stream: 's-2', after: 1, meta: true },
          { stream: 's-3', after: 0, meta: false },
        ],
        [],
      )
      const metas = events.map(({ meta }) => JSON.parse(meta) as unknown)
      expect(streams.map(({ facts }) => facts.map(({ meta }): unknown => meta))).toEqual([
        metas.map(() => undefined),
        metas.slice(1),
        metas.map(() => undefined),
      ])
      expect(streams[1]!.facts.map(({ data }) => data)).toEqual(ODD_TEXTS.slice(1).map(text => JSON.parse(text) as unknown))
    },
  },
  {
    title: 'loads streams, snapshots and keys with one call, streams in the order asked',
    run: async ({ store }) => {
      await appendUnit(store, { slices: [slice('s-1', 0, 3)], keys: [newKey('k', 's-1', 3, 3)] })
      await appendUnit(store, unit('s-2', 0, [newEvent('x')]))
      await store.saveSnapshots([{ stream: 's-1', fold: 1, version: 2, state: '{"n":2}' }])
      const { streams, keys } = await store.load(
        [
          { stream: 's-2', after: 0, snapshot: 1 },
          { stream: 's-9', after: 0, snapshot: 1 },
          { stream: 's-1', after: 0, snapshot: 1 },
        ],
        ['unknown', 'k'],
      )
      expect(streams.map(({ version, snapshot, facts }) => [version, snapshot, facts.length])).toEqual([
        [1, null, 1],
        [0, null, 0],
        [3, { version: 2, state: { n: 2 } }, 1],
      ])
      expect(keys.map(({ key, position }) => [key, position])).toEqual([['k', 3]])
    },
  },
]
