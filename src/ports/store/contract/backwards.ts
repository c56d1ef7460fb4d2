// A store reads a stream from either end, and only some of its types.
import { expect } from 'bun:test'
import fc from 'fast-check'
import type { NewEvent, StoredEvent } from '../event.ts'
import type { ReadOptions } from '../log.ts'
import { upToSize } from '../page-size.ts'
import { appendUnit, newEvent, newEventOfText, unit } from './builders.ts'
import type { StoreCase } from './case.ts'

export const backwards: readonly StoreCase[] = [
  {
    title: 'pages through a stream from its newest event to its oldest, and finds the last event of a type',
    run: async ({ store }) => {
      await appendUnit(store, unit('s-1', 0, ['Made', 'Sent', 'Made', 'Sent', 'Lost'].map(buildTyped)))
      await appendUnit(store, unit('s-2', 0, [buildTyped('Made')]))
      const page = async (options: Partial<ReadOptions>) =>
        (await store.read('s-1', { after: 0, limit: 2, backwards: true, ...options })).map(({ version }) => version)
      expect(await page({})).toEqual([5, 4])
      expect(await page({ until: 3 })).toEqual([3, 2])
      expect(await page({ until: 1 })).toEqual([1])
      expect(await page({ until: 0 })).toEqual([])
      expect(await page({ until: 99, after: 4 })).toEqual([5])
      expect(await page({ types: ['Made'], limit: 1 })).toEqual([3])
      expect(await page({ types: ['Made', 'Lost'], until: 4 })).toEqual([3, 1])
      expect(await page({ types: ['None'] })).toEqual([])
      expect(await page({ types: [] })).toEqual([])
      expect(await page({ types: ['Made'], backwards: false })).toEqual([1, 3])
      expect(await store.read('s-3', { after: 0, limit: 2, backwards: true })).toEqual([])
    },
  },
  {
    title: 'gives of a stream what an array of its events gives, for any window, types, order and bounds',
    run: async ({ store }) => {
      const events = Array.from({ length: 12 }, (_, i) => ({
        ...newEventOfText(JSON.stringify('é'.repeat(i % 4))),
        type: TYPES[i % 3]!,
      }))
      await appendUnit(store, unit('s-1', 0, events))
      const stored = await store.read('s-1', { after: 0, limit: 100 })
      expect(stored).toHaveLength(12)
      await fc.assert(
        fc.asyncProperty(READ, async options => {
          expect(await store.read('s-1', options)).toEqual(readArray(stored, options))
        }),
        { numRuns: 60 },
      )
    },
  },
]

const TYPES = ['Made', 'Sent', 'Lost'] as const
const buildTyped = (type: string): NewEvent => ({ ...newEvent(type), type })

const READ: fc.Arbitrary<ReadOptions> = fc.record(
  {
    after: fc.nat(13),
    limit: fc.integer({ min: 1, max: 14 }),
    until: fc.nat(14),
    sizeMax: fc.integer({ min: 1, max: 60 }),
    types: fc.subarray([...TYPES, 'None']),
    backwards: fc.boolean(),
  },
  { requiredKeys: ['after', 'limit'] },
)

function readArray(stored: readonly StoredEvent[], options: ReadOptions): readonly StoredEvent[] {
  const { after, until = 100, types, backwards, limit, sizeMax = 10_000 } = options
  const wanted = stored.filter(
    ({ version, type }) => version > after && version <= until && (types === undefined || types.includes(type)),
  )
  return upToSize((backwards ? wanted.toReversed() : wanted).slice(0, limit), sizeMax)
}
