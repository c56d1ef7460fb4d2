// A store reads streams and the log in pages.
import { expect } from 'bun:test'
import type { NewEvent, StoredEvent } from '../event.ts'
import type { Filter, ReadAllOptions } from '../log.ts'
import { isFull } from '../page-size.ts'
import type { StoreCase } from './case.ts'
import { appendUnit, newEvent, unit } from './builders.ts'

export const reading: readonly StoreCase[] = [
  {
    title: 'pages through a stream: after a version, at most so many',
    run: async ({ store }) => {
      await appendUnit(
        store,
        unit(
          's-1',
          0,
          Array.from({ length: 5 }, (_, i) => newEvent(i)),
        ),
      )
      await appendUnit(store, unit('s-2', 0, [newEvent('another')]))
      const page = async (after: number, limit: number) =>
        (await store.read('s-1', { after, limit })).map(({ version }) => version)
      expect(await page(0, 2)).toEqual([1, 2])
      expect(await page(2, 2)).toEqual([3, 4])
      expect(await page(4, 2)).toEqual([5])
      expect(await page(5, 2)).toEqual([])
      expect(await page(99, 2)).toEqual([])
    },
  },
  {
    title: 'pages through the log: after a position, at most so many',
    run: async ({ store }) => {
      for (let i = 0; i < 5; i++) await appendUnit(store, unit(`s-${i}`, 0, [newEvent(i)]))
      const page = async (after: number, limit: number) => (await store.readAll({ after, limit })).map(({ position }) => position)
      expect(await page(0, 2)).toEqual([1, 2])
      expect(await page(2, 2)).toEqual([3, 4])
      expect(await page(4, 2)).toEqual([5])
      expect(await page(5, 2)).toEqual([])
      expect(await page(99, 2)).toEqual([])
    },
  },
  {
    title: 'pages through the log up to a position and none above it',
    run: async ({ store }) => {
      for (let i = 0; i < 5; i++) await appendUnit(store, unit(`s-${i}`, 0, [newEvent(i)]))
      const page = async (after: number, until: number, limit = 10) =>
        (await store.readAll({ after, until, limit })).map(({ position }) => position)
      expect(await page(0, 3)).toEqual([1, 2, 3])
      expect(await page(1, 3)).toEqual([2, 3])
      expect(await page(1, 4, 2)).toEqual([2, 3])
      expect(await page(3, 3)).toEqual([])
      expect(await page(4, 3)).toEqual([])
      expect(await page(0, 0)).toEqual([])
      expect(await page(3, 99)).toEqual([4, 5])
    },
  },
  {
    title: 'ends a page of the log with the event that brings its payloads to a size, which it always holds',
    run: async ({ store }) => {
      const buildSized = (size: number): NewEvent => ({ ...newEvent(''), data: JSON.stringify('x'.repeat(size - 2)) })
      const wide = { ...newEvent(''), type: 'Wide', data: JSON.stringify('é'.repeat(49)) }
      await appendUnit(
        store,
        unit('s-1', 0, [buildSized(10), buildSized(10), buildSized(100_000), buildSized(10), wide, buildSized(10)]),
      )
      const page = async (after: number, sizeMax: number, options: Partial<ReadAllOptions> = {}) =>
        (await store.readAll({ after, limit: 10, sizeMax, ...options })).map(({ position }) => position)
      expect(await page(0, 1_000_000)).toEqual([1, 2, 3, 4, 5, 6])
      expect(await page(0, 19)).toEqual([1, 2])
      expect(await page(0, 20)).toEqual([1, 2])
      expect(await page(0, 21)).toEqual([1, 2, 3])
      expect(await page(2, 1)).toEqual([3])
      // Bytes: 98 of its characters' and two quotes.
      expect(await page(3, 110)).toEqual([4, 5])
      expect(await page(3, 111)).toEqual([4, 5, 6])
      expect(await page(0, 21, { limit: 2 })).toEqual([1, 2])
      expect(await page(0, 1_000_000, { until: 3 })).toEqual([1, 2, 3])
      const filter: Filter = new Map([['s', ['Wide', 'Happened']]])
      expect(await page(0, 21, { filter })).toEqual([1, 2, 3])
      expect(await page(6, 21, { filter })).toEqual([])
      const events = await store.readAll({ after: 3, limit: 10, sizeMax: 110 })
      expect(isFull(events, { limit: 10, sizeMax: 110 })).toBe(true)
      expect(isFull(events, { limit: 10, sizeMax: 111 })).toBe(false)
      expect(isFull(events, { limit: 2 })).toBe(true)
      expect(events).toEqual((await store.readAll({ after: 3, limit: 2 })) as StoredEvent[])
    },
  },
  {
    title: 'reads of the log only the types asked for, of each category its own, or all of a category',
    run: async ({ store }) => {
      const buildTyped = (type: string): NewEvent => ({ ...newEvent(type), type })
      // Payment has a type of the same name, and there are categories whose names begin as another's does.
      for (const [stream, ...types] of [
        ['order-1', 'Placed', 'Cancelled'],
        ['payment-1', 'Placed', 'Taken'],
        ['orders-1', 'Placed'],
        ['order-2-Placed', 'Placed', 'Paid'],
        ['order', 'Placed'],
        ['order_x-1', 'Placed'],
        // The characters before and behind `-`.
        ['order,1-1', 'Placed'],
        ['order.1-1', 'Placed'],
        ['order-\u{10ffff}', 'Sent'],
      ] as const)
        await appendUnit(store, unit(stream, 0, types.map(buildTyped)))
      const read = async (filter: Filter, options: Partial<ReadAllOptions> = {}) =>
        (await store.readAll({ after: 0, limit: 10, filter, ...options })).map(({ stream, type }) => `${stream} ${type}`)
      expect(await read(new Map([['order', ['Placed']]]))).toEqual(['order-1 Placed', 'order-2-Placed Placed', 'order Placed'])
      expect(await read(new Map([['order', ['Placed']], ['payment', ['Taken']]]))).toEqual([
        'order-1 Placed',
        'payment-1 Taken',
        'order-2-Placed Placed',
        'order Placed',
      ]) // biome-ignore format: one list
      expect(await read(new Map([['payment', null]]))).toEqual(['payment-1 Placed', 'payment-1 Taken'])
      expect(await read(new Map<string, string[] | null>([['payment', null], ['order', ['Paid', 'Cancelled', 'None']]]))).toEqual([
        'order-1 Cancelled',
        'payment-1 Placed',
        'payment-1 Taken',
        'order-2-Placed Paid',
      ]) // biome-ignore format: one list
      expect(await read(new Map([['order', ['Sent']]]))).toEqual(['order-\u{10ffff} Sent'])
      for (const filter of [new Map(), new Map([['order', []]]), new Map([['none', null]]), new Map([['ord', null]])])
        expect(await read(filter)).toEqual([])
      const placed: Filter = new Map([['order', ['Placed']], ['payment', ['Placed']]]) // biome-ignore format: one list
      expect(await read(placed, { limit: 2 })).toEqual(['order-1 Placed', 'payment-1 Placed'])
      expect(await read(placed, { after: 3, limit: 1 })).toEqual(['order-2-Placed Placed'])
      expect(await read(placed, { after: 1, until: 5 })).toEqual(['payment-1 Placed'])
      expect((await store.readAll({ after: 3, limit: 1, filter: placed }))[0]).toEqual(
        (await store.read('order-2-Placed', { after: 0, limit: 1 }))[0]!,
      )
    },
  },
]
