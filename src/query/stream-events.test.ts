// The events of one stream in code: from either end, as events of today, some of their types, a page at a time.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { type Event, events, spec, split } from '../definitions/event/events.ts'
import { UnreadableEvent } from '../definitions/event/read.ts'
import { memory } from '../ports/store/memory.ts'
import { DamagedStream } from '../ports/store/sequence.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { streamReads } from './stream-events.ts'

const qty = z.object({ qty: z.int() })
const Before = events('parcel', { Packed: qty, Posted: qty, Weighed: z.object({}), PackedAndPosted: qty })
const Today = events(
  'parcel',
  { Packed: qty, Sent: qty },
  {
    was: {
      Posted: 'Sent',
      Weighed: null,
      PackedAndPosted: split(qty, (old, parcel: { Packed: typeof Before.Packed }) => [
        parcel.Packed({ qty: old.qty }),
        parcel.Packed({ qty: old.qty + 1 }),
      ]),
    },
  },
)

/** Appends facts as the release that had their types. */
async function appendOld(store: Store, stream: string, facts: readonly Event[]): Promise<void> {
  const stored = facts.map(({ type, data }) => ({
    id: Bun.randomUUIDv7(),
    type,
    schema: Before[spec].types.get(type)!.fingerprint,
    data: JSON.stringify(data),
    meta: '{}',
  }))
  await store.append([{ slices: [{ stream, expect: 0, events: stored }], keys: [] }])
}

let store: Store
let emaki: Runtime
beforeAll(async () => {
  store = memory()
  const { Packed, Posted, Weighed, PackedAndPosted } = Before
  const facts = [
    Packed({ qty: 1 }),
    Posted({ qty: 2 }),
    Weighed({}),
    PackedAndPosted({ qty: 3 }),
    Posted({ qty: 5 }),
    Weighed({}),
  ]
  await appendOld(store, 'parcel-p1', facts)
  await appendOld(store, 'parcel-p2', [Packed({ qty: 9 })])
  emaki = await runtime({ serve: [], store })
})
afterAll(() => emaki.close())

const ALL = ['Packed 1', 'Sent 2', 'Packed 3', 'Packed 4', 'Sent 5']
const shown = async (...asked: Parameters<typeof emaki.events<typeof Today>>) =>
  (await Array.fromAsync(emaki.events(...asked))).map(({ type, data }) => `${type} ${data.qty}`)

describe('the events of an instance', () => {
  test('the events of an instance come as events of today, from either end', async () => {
    expect(await shown(Today, 'p1')).toEqual(ALL)
    expect(await shown(Today, 'p1', { backwards: true })).toEqual(ALL.toReversed())
    expect(await shown(Today, 'p1', { after: 1, until: 4 })).toEqual(['Sent 2', 'Packed 3', 'Packed 4'])
    expect(await shown(Today, 'nobody', { backwards: true })).toEqual([])
  })

  test('the events of an instance, of some types and at most so many, are those of the whole in either order', async () => {
    const types = fc.constantFrom<readonly ('Packed' | 'Sent')[] | undefined>(undefined, ['Sent'], ['Packed'], ['Packed', 'Sent'])
    await fc.assert(
      fc.asyncProperty(types, fc.boolean(), fc.integer({ min: 1, max: 7 }), async (types, backwards, limit) => {
        const ordered = backwards ? ALL.toReversed() : ALL
        const wanted = ordered.filter(one => !types || types.some(type => one.startsWith(type)))
        expect(await shown(Today, 'p1', { backwards, limit, ...(types && { types }) })).toEqual(wanted.slice(0, limit))
      }),
    )
  })

  test('the last event of an instance, or the last of some types, is found; null where there is none', async () => {
    expect((await emaki.lastEvent(Today, 'p1'))?.data).toEqual({ qty: 5 })
    expect(await emaki.lastEvent(Today, 'p1', ['Packed'])).toMatchObject({ type: 'Packed', version: 4, data: { qty: 4 } })
    expect(await emaki.lastEvent(Today, 'p2', ['Sent'])).toBeNull()
    expect(await emaki.lastEvent(Today, 'nobody')).toBeNull()
  })

  test('the last event of an instance is one read of one event, however long the stream is', async () => {
    const long = memory()
    const filled = Array.from({ length: 1_500 }, (_, i) => Before.Packed({ qty: i }))
    await appendOld(long, 'parcel-long', [Before.Posted({ qty: 0 }), ...filled])
    const read: number[] = []
    const counted = {
      load: long.load,
      read: async (...asked: Parameters<Store['read']>) => {
        const page = await long.read(...asked)
        read.push(page.length)
        return page
      },
    }
    const { lastEvent } = streamReads(counted)
    expect((await lastEvent(Today, 'long'))?.data).toEqual({ qty: 1_499 })
    expect((await lastEvent(Today, 'long', ['Sent']))?.data).toEqual({ qty: 0 })
    expect(read).toEqual([1, 1])
  })

  test('an event of an instance that this release cannot read is an error, and so is one that is missing', async () => {
    const Smaller = events('parcel', { Packed: qty })
    await expect(emaki.lastEvent(Smaller, 'p1')).rejects.toThrow(UnreadableEvent)
    const hole = {
      load: store.load,
      read: async (...asked: Parameters<Store['read']>) => (await store.read(...asked)).filter(({ version }) => version !== 4),
    }
    const { events: read } = streamReads(hole)
    await expect(Array.fromAsync(read(Today, 'p1', { backwards: true }))).rejects.toThrow(DamagedStream)
  })

  test('the events of an instance of a type that its family does not have are refused', async () => {
    // @ts-expect-error 'Lost' is no type of the family.
    await expect(emaki.lastEvent(Today, 'p1', ['Lost'])).rejects.toThrow('events: Lost is no event of its families')
  })
})
