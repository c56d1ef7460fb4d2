// A store gives pages that are bounded in bytes, and together give the whole.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { logPages, streamPages } from '../pages.ts'
import type { NewEvent, StoredEvent } from '../event.ts'
import { isFull } from '../page-size.ts'
import { appendUnit, newEventOfText, unit } from './builders.ts'
import type { StoreCase } from './case.ts'

export const pages: readonly StoreCase[] = [
  {
    title: 'ends a page of a stream with the event that brings its payloads to a size, which it always holds',
    run: async ({ store }) => {
      await appendUnit(store, unit('other-1', 0, [buildSized(10)]))
      await appendUnit(
        store,
        unit('s-1', 0, [buildSized(10), buildSized(10), buildSized(100_000), buildSized(10), wide, buildSized(10)]),
      )
      const page = async (after: number, sizeMax: number, limit = 10) =>
        (await store.read('s-1', { after, limit, sizeMax })).map(({ version }) => version)
      expect(await page(0, 1_000_000)).toEqual([1, 2, 3, 4, 5, 6])
      expect(await page(0, 20)).toEqual([1, 2])
      expect(await page(0, 21)).toEqual([1, 2, 3])
      expect(await page(0, 21, 2)).toEqual([1, 2])
      expect(await page(2, 1)).toEqual([3])
      // Bytes: 98 of its characters' and two quotes.
      expect(await page(3, 110)).toEqual([4, 5])
      expect(await page(3, 111)).toEqual([4, 5, 6])
      expect(await page(6, 21)).toEqual([])
      const bounds = { limit: 10, sizeMax: 110 }
      const events = await store.read('s-1', { after: 3, ...bounds })
      expect(isFull(events, bounds)).toBe(true)
      expect(events).toEqual((await store.read('s-1', { after: 3, limit: 2 })) as StoredEvent[])
    },
  },
  {
    title: 'gives the log, a category and a stream in pages of any bounds, one event after the other',
    run: async ({ store }, share = 1) => {
      for (let i = 0; i < 12; i++)
        await appendUnit(store, unit(`${i % 2 ? 'odd' : 'even'}-${i % 3}`, 'any', [buildSized(10 + i * 7), buildSized(2)]))
      const until = await store.head()
      const log = await store.readAll({ after: 0, limit: 100 })
      const bounds = fc.record({ limit: fc.integer({ min: 1, max: 30 }), sizeMax: fc.integer({ min: 1, max: 1_500 }) })
      await fc.assert(
        fc.asyncProperty(bounds, fc.nat(until), fc.nat(until), async (bounds, one, other) => {
          const [after, until] = [Math.min(one, other), Math.max(one, other)]
          const within = log.filter(({ position }) => position > after && position <= until)
          expect(await flatten(logPages(store, { after, until, ...bounds }))).toEqual(within)
          expect(await flatten(logPages(store, { after, until, ...bounds, filter: new Map([['odd', null]]) }))).toEqual(
            within.filter(({ stream }) => stream.startsWith('odd-')),
          )
          const ofStream = log.filter(({ stream }) => stream === 'odd-1')
          expect(await flatten(streamPages(store, 'odd-1', { after, until, ...bounds }))).toEqual(ofStream.slice(after, until))
        }),
        { numRuns: Math.ceil(30 * share) },
      )
    },
  },
]

const buildSized = (size: number): NewEvent => newEventOfText(JSON.stringify('x'.repeat(Math.max(0, size - 2))))
const wide = newEventOfText(JSON.stringify('é'.repeat(49)))

async function flatten(pages: AsyncIterable<readonly StoredEvent[]>): Promise<readonly StoredEvent[]> {
  return (await Array.fromAsync(pages)).flat()
}
