// An idempotency key is stored with its outcome, in the transaction of its append.
import { expect } from 'bun:test'
import type { StoreCase } from './case.ts'
import {
  CALLERS,
  HOUR_MS,
  appendConflicting,
  appendUnit,
  callMany,
  countOutcomes,
  newEvent,
  newKey,
  readLog,
  slice,
  unit,
} from './builders.ts'

export const keys: readonly StoreCase[] = [
  {
    title: 'stores a key with what was accepted, and tells it instead of appending again',
    run: async ({ store }) => {
      const key = newKey('k', 's-1', 2, 2)
      await appendUnit(store, unit('s-0', 0, [newEvent(0)]))
      await appendUnit(store, { slices: [slice('s-1', 0, 2)], keys: [key] })
      const { keepMs: _, ...stored } = { ...key, position: 3 }
      expect((await store.load([], ['k'])).keys).toMatchObject([stored])
      const again = [
        { slices: [slice('s-1', 0, 2)], keys: [key] },
        { slices: [slice('s-9', 'any')], keys: [{ ...key, fingerprint: 'another', stream: 's-9' }] },
      ]
      for (const unit of again) expect(await store.append([unit])).toMatchObject([{ outcome: 'duplicate', keys: [stored] }])
      expect(await store.head()).toBe(3)
    },
  },
  {
    title: 'lists the keys that still live by their names, and takes them into another log of the same events',
    run: async ({ store, advance }) => {
      const [short, long, endless] = [newKey('b', 's-1', 1, 1), newKey('a', 's-1', 2, 1), newKey('c', 's-1', 2, 0)]
      await appendUnit(store, { slices: [slice('s-1', 0, 1)], keys: [{ ...short, keepMs: HOUR_MS }] })
      await appendUnit(store, { slices: [slice('s-1', 1, 1)], keys: [{ ...long, keepMs: 3 * HOUR_MS }] })
      // Without events of its own, as a key of another log is taken over.
      const late = { ...newKey('d', 's-1', 1, 1), keepMs: 3 * HOUR_MS }
      await appendUnit(store, { slices: [slice('s-1', 'any', 0)], keys: [{ ...endless, keepMs: null }, late] })
      const names = async (after = '', limit = 9) => (await store.keys({ after, limit })).map(({ key }) => key)
      expect([await names(), await names('a', 2), await names('d')]).toEqual([['a', 'b', 'c', 'd'], ['b', 'c'], []])
      await advance(2 * HOUR_MS)
      const [first, second] = await store.keys({ after: '', limit: 9 })
      const { keepMs: _, ...kept } = long
      expect(first).toEqual({ ...kept, until: expect.any(Number) })
      expect([second!.key, second!.until]).toEqual(['c', null])
      expect((await store.load([], ['d'])).keys).toMatchObject([{ version: 1, position: 1 }])
    },
  },
  {
    title: 'stores a key with a rejection, byte for byte, where nothing else is written',
    run: async ({ store, reopen }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
      const key = { ...newKey('k', 's-1', 1, 0), rejection: '{"code":"sold-out","data":{"why":"\\u0000 絵巻 \'\\"$$"}}' }
      expect((await appendUnit(store, { slices: [slice('s-1', 1, 0)], keys: [key] })).slices).toEqual([
        { version: 1, position: 0 },
      ])
      const { keepMs: _, ...stored } = { ...key, position: 0 }
      const reopened = await reopen()
      expect((await reopened.load([], ['k'])).keys).toMatchObject([stored])
      const [again] = await reopened.append([{ slices: [slice('s-1', 1)], keys: [key] }])
      expect(again).toMatchObject({ outcome: 'duplicate', keys: [stored] })
      expect(await reopened.head()).toBe(1)
    },
  },
  {
    title: 'stores no key with what conflicts',
    run: async ({ store }) => {
      await appendConflicting(store, { slices: [slice('s-1', 5)], keys: [newKey('k', 's-1', 6, 1)] })
      await appendConflicting(store, { slices: [slice('s-1', 5, 0)], keys: [newKey('k', 's-1', 5, 0)] })
      expect((await store.load([], ['k'])).keys).toEqual([])
      await appendUnit(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
    },
  },
  {
    title: 'tells a known key before it looks at expectations',
    run: async ({ store }) => {
      await appendUnit(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
      const [outcome] = await store.append([{ slices: [slice('s-1', 77)], keys: [newKey('k', 's-1', 78, 1)] }])
      expect(outcome).toMatchObject({ outcome: 'duplicate', keys: [{ key: 'k', version: 1 }] })
    },
  },
  {
    title: 'appends nothing of a unit that has one known key among new ones, and stores none of them',
    run: async ({ store }) => {
      await appendUnit(store, { slices: [slice('s-1', 0)], keys: [newKey('k1', 's-1', 1, 1)] })
      const unit = { slices: [slice('s-1', 1, 2)], keys: [newKey('k2', 's-1', 2, 1), newKey('k1', 's-1', 3, 1)] }
      expect(await store.append([unit])).toMatchObject([{ outcome: 'duplicate', keys: [{ key: 'k1', version: 1, position: 1 }] }])
      expect((await store.load([], ['k2'])).keys).toEqual([])
      expect(await store.head()).toBe(1)
    },
  },
  {
    title: 'gives each key of a unit the position of its own last event',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-0', 0, [newEvent(0), newEvent(1)]))
      await appendUnit(store, unit('s-1', 0, [newEvent(0)]))
      const keys = [newKey('a', 's-1', 2, 1), newKey('b', 's-1', 2, 0), newKey('c', 's-1', 4, 2), newKey('d', 's-1', 5, 1)]
      await appendUnit(store, { slices: [slice('s-1', 1, 4)], keys })
      const found = (await store.load([], ['d', 'c', 'b', 'a'])).keys.map(({ key, position }) => [key, position] as const)
      expect(Object.fromEntries(found)).toEqual({ a: 4, b: 0, c: 6, d: 7 })
    },
  },
  {
    title: `lets exactly one of ${CALLERS} callers use a key, and tells the others what it stands for`,
    run: async ({ store }) => {
      const outcomes = await callMany(i => store.append([{ slices: [slice(`s-${i}`, 0)], keys: [newKey('k', `s-${i}`, 1, 1)] }]))
      expect(countOutcomes(outcomes)).toEqual({ appended: 1, duplicate: CALLERS - 1 })
      const [event] = await readLog(store)
      const known = outcomes.flatMap(outcome => (outcome.outcome === 'duplicate' ? outcome.keys : []))
      expect(known.every(({ stream, position }) => stream === event!.stream && position === event!.position)).toBeTrue()
      expect(await store.head()).toBe(event!.position)
    },
  },
  {
    title: 'knows a key until its time is over; then it can be used for something else',
    run: async ({ store, advance }) => {
      await appendUnit(store, { slices: [slice('s-1', 0)], keys: [{ ...newKey('k', 's-1', 1, 1), keepMs: HOUR_MS }] })
      await advance(HOUR_MS / 2)
      expect((await store.load([], ['k'])).keys).toHaveLength(1)
      await advance(HOUR_MS)
      expect((await store.load([], ['k'])).keys).toEqual([])
      const key = { ...newKey('k', 's-2', 1, 1), fingerprint: 'another', keepMs: HOUR_MS }
      await appendUnit(store, { slices: [slice('s-2', 0)], keys: [key] })
      expect((await store.load([], ['k'])).keys).toMatchObject([{ stream: 's-2', fingerprint: 'another', position: 2 }])
    },
  },
  {
    title: 'keeps a key for ever whose time has no end, and deletes those whose time is over, telling how many',
    run: async ({ store, advance }) => {
      for (const [name, keepMs] of [['a', HOUR_MS], ['b', HOUR_MS], ['c', null], ['d', 1_000 * HOUR_MS]] as const) // biome-ignore format: one table
        await appendUnit(store, { slices: [slice(`s-${name}`, 0)], keys: [{ ...newKey(name, `s-${name}`, 1, 1), keepMs }] })
      expect(await store.forgetKeys()).toBe(0)
      await advance(2 * HOUR_MS)
      expect(await store.forgetKeys()).toBe(2)
      expect(await store.forgetKeys()).toBe(0)
      const left = (await store.load([], ['a', 'b', 'c', 'd'])).keys.map(({ key }) => key)
      expect(left.toSorted()).toEqual(['c', 'd'])
    },
  },
]
