// A store gives back what was appended, byte for byte.
import { expect } from 'bun:test'
import fc from 'fast-check'
import type { StoreCase } from './case.ts'
import {
  ODD_TEXTS,
  appendConflicting,
  appendUnit,
  countOutcomes,
  metaOf,
  newEvent,
  newEventOfText,
  newKey,
  readLog,
  slice,
  unit,
} from './builders.ts'
import { anyUnit } from '../../../test-support/any-text.ts'

export const payloads: readonly StoreCase[] = [
  {
    title: 'gives back data and meta byte for byte, by stream and by log',
    run: async ({ store, reopen }) => {
      await appendUnit(store, unit('s-1', 0, ODD_TEXTS.map(newEventOfText)))
      const found = [await readLog(store), await store.read('s-1', { after: 0, limit: 1_000 })]
      const reopened = await reopen()
      for (const events of [...found, await readLog(reopened), await reopened.read('s-1', { after: 0, limit: 1_000 })]) {
        expect(events.map(({ data }) => data)).toEqual(ODD_TEXTS)
        expect(events.map(({ meta }) => meta)).toEqual(ODD_TEXTS.map(metaOf))
      }
    },
  },
  {
    title: 'loads data as its text parses',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, ODD_TEXTS.map(newEventOfText)))
      const { streams } = await store.load([{ stream: 's-1', after: 0 }], [])
      expect(streams[0]!.facts.map(({ data }) => JSON.stringify(data))).toEqual(
        ODD_TEXTS.map(text => JSON.stringify(JSON.parse(text))),
      )
      expect(streams[0]!.facts.every(({ type, schema }) => type === 'Happened' && schema === 'abcdefghij')).toBeTrue()
    },
  },
  {
    title: 'gives back any JSON',
    run: async ({ store }, share = 1) => {
      let stream = 0
      await fc.assert(
        fc.asyncProperty(fc.array(fc.jsonValue({ stringUnit: anyUnit }), { minLength: 1, maxLength: 20 }), async values => {
          const events = values.map(value => newEvent(value))
          const name = `s-${stream++}`
          await appendUnit(store, unit(name, 0, events))
          const found = await store.read(name, { after: 0, limit: 100 })
          expect(found.map(({ data }) => data)).toEqual(events.map(({ data }) => data))
          const { streams } = await store.load([{ stream: name, after: 0 }], [])
          expect(streams[0]!.facts.map(({ data }) => data)).toEqual(events.map(({ data }) => JSON.parse(data)))
        }),
        { numRuns: Math.ceil(15 * share) },
      )
    },
  },
  {
    title: 'takes a payload of a MiB',
    run: async ({ store }) => {
      const event = newEvent(`絵${'x'.repeat(1_048_000)}`)
      await appendUnit(store, unit('s-1', 0, [event]))
      const [found] = await store.read('s-1', { after: 0, limit: 1 })
      expect(found!.data === event.data).toBeTrue()
      expect((await appendConflicting(store, unit('s-1', 0, []))).missed).toBeNull()
    },
  },
  {
    title: 'keeps streams apart, however they are named',
    run: async ({ store, reopen }) => {
      const names = [
        'toString', '__proto__', 'constructor', "it's", '"quoted"', '$$', '$1', 'a,b', '{a}', '{a,"b"}', 'back\\slash', '\\', '%', '_',
        'a b', ' a', 'a ', 'NULL', 'null', 'a/b', 'a-b', '', 'A', 'a', 'ä', 'a\u0308', '絵巻', '𝔘', '😀', 'a\tb', 'a\nb', 'x'.repeat(200),
      ].map(id => `s-${id}`) // biome-ignore format: one list
      await store.append(names.map(name => unit(name, 0, [newEvent(name)])))
      const reopened = await reopen()
      for (const name of names) {
        const found = await reopened.read(name, { after: 0, limit: 10 })
        expect(found.map(({ stream, data }) => [stream, JSON.parse(data)])).toEqual([[name, name]])
      }
      const { streams } = await reopened.load(
        names.map(stream => ({ stream, after: 0 })),
        [],
      )
      expect(streams.map(({ facts }) => facts[0]?.data)).toEqual(names)
    },
  },
  {
    title: 'knows keys however they are named',
    run: async ({ store }) => {
      const names = [
        "it's",
        '"quoted"',
        'a,b',
        '{a}',
        'back\\slash',
        '',
        ' ',
        'A',
        'a',
        'ä',
        'a\u0308',
        '絵😀',
        '__proto__',
        'a\nb',
      ].map(name => `client:${name}`)
      const units = names.map((name, i) => ({ slices: [slice(`s-${i}`, 0)], keys: [newKey(name, `s-${i}`, 1, 1)] }))
      expect(countOutcomes(await store.append(units))).toEqual({ appended: names.length })
      const { keys } = await store.load([{ stream: 's-1', after: 0 }], names)
      const streams = new Map(keys.map(({ key, stream }) => [key, stream]))
      expect(names.map(name => streams.get(name))).toEqual(names.map((_, i) => `s-${i}`))
    },
  },
]
