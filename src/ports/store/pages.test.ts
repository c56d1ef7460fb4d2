import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { memory } from './memory.ts'
import { logPages, type LogPagesOptions, streamPages } from './pages.ts'
import { DamagedStream } from './sequence.ts'
import type { StoredEvent } from './event.ts'
import type { Filter } from './log.ts'
import { upToSize } from './page-size.ts'
import type { Store } from './store.ts'

/** A log of so many events, of the types A and B by turns, in two streams of each of two categories. */
async function logOf(count: number): Promise<Store> {
  const store = memory()
  for (let i = 0; i < count; i++) {
    const event = { id: `e${i}`, type: 'AB'[i % 2]!, schema: 's', data: `"${'x'.repeat(i % 5)}"`, meta: '{}' }
    const stream = `${i % 3 ? 'order' : 'payment'}-${i % 4 < 2 ? 1 : 2}`
    await store.append([{ slices: [{ stream, expect: 'any', events: [event] }], keys: [] }])
  }
  return store
}

/** The same log as a damaged file has it, without the event at a position. */
function hideEvent(store: Store, position: number): Pick<Store, 'read' | 'readAll' | 'load'> {
  const page = (events: readonly StoredEvent[], limit: number, sizeMax = Number.POSITIVE_INFINITY) =>
    upToSize(events.filter(event => event.position !== position).slice(0, limit), sizeMax)
  return {
    load: (...asked) => store.load(...asked),
    read: async (stream, { limit, sizeMax, ...rest }) =>
      page(await store.read(stream, { ...rest, limit: 10_000 }), limit, sizeMax),
    readAll: async ({ limit, sizeMax, ...rest }) => page(await store.readAll({ ...rest, limit: 10_000 }), limit, sizeMax),
  }
}

const TYPED: Filter = new Map([['order', ['A']]])
const positions = async (store: Pick<Store, 'readAll'>, options: LogPagesOptions) =>
  (await Array.fromAsync(logPages(store, options))).map(page => page.map(({ position }) => position))

describe('pages of the log', () => {
  test('pages of the log end where they are full, and are read when they are asked for', async () => {
    const store = await logOf(7)
    let reads = 0
    const counted: Pick<Store, 'readAll'> = {
      readAll: options => {
        reads++
        return store.readAll(options)
      },
    }
    const pages = logPages(counted, { until: 7, limit: 3 })
    expect(reads).toBe(0)
    expect((await pages.next()).value).toHaveLength(3)
    expect(reads).toBe(1)
    expect(await Array.fromAsync(pages)).toHaveLength(2)
    expect(reads).toBe(3)
  })

  test('pages of the log end at the position that is asked for, also where that fills a page', async () => {
    const store = await logOf(7)
    expect(await positions(store, { after: 1, until: 5, limit: 2 })).toEqual([[2, 3], [4, 5]]) // biome-ignore format: one list
    expect(await positions(store, { after: 5, until: 5 })).toEqual([])
    expect(await positions(store, { until: 0 })).toEqual([])
  })

  test('pages of the log are never empty, whatever the filter leaves', async () => {
    const store = await logOf(12)
    const pages = await positions(store, { until: 12, limit: 1, filter: TYPED, seesHoles: true })
    expect(pages).toEqual(await positions(store, { until: 12, limit: 1, filter: TYPED }))
    expect(pages.every(page => page.length === 1)).toBe(true)
  })

  test('pages of the log see one missing event wherever it is, unless it is the last of its stream or of a category that is left out', async () => {
    const store = await logOf(40)
    const log = await store.readAll({ after: 0, limit: 100 })
    const options = fc.record({ limit: fc.integer({ min: 1, max: 50 }), sizeMax: fc.integer({ min: 1, max: 300 }) })
    const filters = fc.constantFrom(undefined, new Map([['order', null]]), TYPED)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...log), options, filters, async (missing, bounds, filter) => {
        const isRead = !filter || missing.stream.startsWith('order-')
        const isSeen = isRead && log.some(({ stream, version }) => stream === missing.stream && version > missing.version)
        const damaged = hideEvent(store, missing.position)
        const read = positions(damaged, { until: 40, ...bounds, seesHoles: true, ...(filter && { filter }) })
        const found = await read.catch((error: unknown) => error)
        expect(found instanceof DamagedStream).toBe(isSeen)
      }),
    )
  })

  test('pages of the log do not look for missing events where types are named, unless it is asked for', async () => {
    const damaged = hideEvent(await logOf(12), 2)
    expect((await positions(damaged, { until: 12, filter: TYPED })).flat()).toEqual([3, 5, 9, 11])
    await expect(positions(damaged, { until: 12, filter: TYPED, seesHoles: true })).rejects.toThrow(DamagedStream)
    await expect(positions(damaged, { until: 12 })).rejects.toThrow('version 1 is expected, 2 is found')
    expect((await positions(damaged, { until: 12, seesHoles: false })).flat()).toHaveLength(11)
  })

  test('pages of the log end where positions do not rise', async () => {
    const [first] = await (await logOf(1)).readAll({ after: 0, limit: 1 })
    const stuck = { readAll: async () => [first!] }
    expect(await positions(stuck, { until: 9, limit: 1, seesHoles: false })).toEqual([[1], [1]])
  })
})

describe('pages of a stream', () => {
  test('pages of a stream go from a version to another', async () => {
    const store = await logOf(12)
    const versions = async (options: Parameters<typeof streamPages>[2]) =>
      (await Array.fromAsync(streamPages(store, 'order-1', options))).map(page => page.map(({ version }) => version))
    expect(await versions({})).toEqual([[1, 2, 3, 4]])
    expect(await versions({ limit: 3 })).toEqual([[1, 2, 3], [4]])
    expect(await versions({ after: 1, until: 3 })).toEqual([[2, 3]])
    expect(await versions({ limit: 1, after: 3 })).toEqual([[4]])
    expect(await versions({ after: 4 })).toEqual([])
    expect(await versions({ backwards: true })).toEqual([[4, 3, 2, 1]])
    expect(await versions({ backwards: true, limit: 3 })).toEqual([[4, 3, 2], [1]])
    expect(await versions({ backwards: true, after: 1, until: 3, limit: 1 })).toEqual([[3], [2]])
    expect(await versions({ backwards: true, until: 99, after: 3 })).toEqual([[4]])
    expect(await versions({ backwards: true, after: 4, until: 9 })).toEqual([])
    expect(await Array.fromAsync(streamPages(store, 'none-1'))).toEqual([])
    expect(await Array.fromAsync(streamPages(store, 'none-1', { backwards: true }))).toEqual([])
  })

  test('pages of a stream see one missing event wherever it is, unless it is the last, from either end', async () => {
    const store = await logOf(40)
    const events = await store.read('order-1', { after: 0, limit: 100 })
    for (const missing of events.slice(0, -1))
      for (const bounds of [{ limit: 1 }, { limit: 4 }, { sizeMax: 5 }, {}])
        for (const backwards of [false, true])
          await expect(
            Array.fromAsync(streamPages(hideEvent(store, missing.position), 'order-1', { ...bounds, backwards })),
          ).rejects.toThrow(DamagedStream)
  })

  test('pages of a stream of some types do not look for missing events', async () => {
    const damaged = hideEvent(await logOf(12), 5)
    const versions = async (options: Parameters<typeof streamPages>[2]) =>
      (await Array.fromAsync(streamPages(damaged, 'order-1', { types: ['A', 'B'], ...options })))
        .flat()
        .map(({ version }) => version)
    const whole = await versions({})
    expect(whole).not.toHaveLength(4)
    expect(await versions({ backwards: true, limit: 2 })).toEqual(whole.toReversed())
  })
})
