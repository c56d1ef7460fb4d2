// A store lists its streams.
import { expect } from 'bun:test'
import { TYPES_AT_MAX } from '../log.ts'
import type { StoreCase } from './case.ts'
import { appendUnit, newEvent, unit } from './builders.ts'

export const streams: readonly StoreCase[] = [
  {
    title: 'lists the streams that have events by name, each with its version, position and time: behind a name, at most so many',
    run: async ({ store }) => {
      // Names around the bounds of a category, and beyond the 16 bits of a character.
      const names = ['s-1', 's-10', 's-2', 's-\u{1f600}', 's-\uffee', 's', 's.x-1', 'r-1', 'sr-1', 't-1']
      const places = new Map<string, { version: number; position: number; at: string }>()
      for (const [i, stream] of names.entries()) {
        const { slices, at } = await appendUnit(
          store,
          unit(
            stream,
            0,
            Array.from({ length: 1 + (i % 3) }, (_, n) => newEvent(n)),
          ),
        )
        places.set(stream, { ...slices[0]!, at })
      }
      const { slices, at } = await appendUnit(store, unit('s-1', 1, [newEvent(1)]))
      places.set('s-1', { ...slices[0]!, at })
      const sorted = ['r-1', 's', 's-1', 's-10', 's-2', 's-\uffee', 's-\u{1f600}', 's.x-1', 'sr-1', 't-1']
      const all = sorted.map(stream => ({ stream, ...places.get(stream)! }))
      expect(await store.streams({ after: '', limit: 100 })).toEqual(all)
      expect(await store.streams({ after: 's-1', limit: 2 })).toEqual(all.slice(3, 5))
      expect(await store.streams({ after: 's-1a', limit: 1 })).toEqual(all.slice(4, 5))
      expect(await store.streams({ after: '', limit: 100, category: 's' })).toEqual(all.slice(2, 7))
      expect(await store.streams({ after: 's-2', limit: 100, category: 's' })).toEqual(all.slice(5, 7))
      expect(await store.streams({ after: 'z', limit: 100 })).toEqual([])
      expect(await store.streams({ after: '', limit: 100, category: 'none' })).toEqual([])
    },
  },
  {
    title: 'gives the types of events by stream and version, in the order asked for, and null where there is none',
    run: async ({ store }) => {
      const typed = (type: string) => ({ ...newEvent(0), type })
      const names = ['s-1', 's-"2"', 's-\\3', 's-\u{1f600}']
      for (const stream of names)
        await appendUnit(store, unit(stream, 0, [typed('Placed'), typed(`Paid${names.indexOf(stream)}`)]))
      const places = names.toReversed().flatMap(stream => [2, 3, 1, 0].map(version => ({ stream, version })))
      const types = [3, 2, 1, 0].flatMap(i => [`Paid${i}`, null, 'Placed', null])
      expect(await store.typesAt(places)).toEqual(types)
      expect(await store.typesAt([{ stream: 's-none', version: 1 }, ...places.slice(0, 1)])).toEqual([null, 'Paid3'])
      expect(await store.typesAt([])).toEqual([])
      const many = Array.from({ length: TYPES_AT_MAX }, (_, i) => ({ stream: 's-1', version: 1 + (i % 2) }))
      expect((await store.typesAt(many)).filter(type => type === 'Paid0')).toHaveLength(TYPES_AT_MAX / 2)
    },
  },
  {
    title: 'tells categories apart that differ only in capitals, in the list of streams and in a read of the log',
    run: async ({ store }) => {
      for (const stream of ['Order-1', 'order-1', 'ORDER-1']) await appendUnit(store, unit(stream, 0, [newEvent(stream)]))
      for (const category of ['Order', 'order', 'ORDER']) {
        const streams = await store.streams({ after: '', limit: 100, category })
        expect(streams.map(({ stream, version }) => [stream, version])).toEqual([[`${category}-1`, 1]])
        const events = await store.readAll({ after: 0, limit: 100, filter: new Map([[category, null]]) })
        expect(events.map(({ stream }) => stream)).toEqual([`${category}-1`])
      }
    },
  },
]
