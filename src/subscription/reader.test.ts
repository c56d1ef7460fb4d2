// What reads ahead may fail ahead, too.
import { expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Filter } from '../ports/store/log.ts'
import { upToSize } from '../ports/store/page-size.ts'
import type { Store } from '../ports/store/store.ts'
import { failsBefore, failingStore } from '../test-support/failing-store.ts'
import { Reader } from './reader.ts'
import type { Tail } from './tail.ts'

test('a page that could not be read ahead is read again', async () => {
  const store = failingStore(memory())
  await store.open()
  const events = Array.from({ length: 20 }, (_, i) => ({ id: `e${i}`, type: 'T', schema: 's', data: '{}', meta: '{}' }))
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events }], keys: [] }])
  const reader = new Reader(store, keepsNothing(20), null, 10)
  store.next('readAll', call => call(), failsBefore())
  expect((await reader.next(0))?.to).toBe(10)
  expect(await reader.next(10).catch(error => error)).toBeInstanceOf(StoreError)
  // Half as much, as it may have been too much for the deadline.
  expect((await reader.next(10))?.to).toBe(15)
})

test('a page holds no more than its size and one event, however small those before it were', async () => {
  const reader = new Reader(logOf(16_000, 100_000), keepsNothing(20_000), null)
  let largest = 0
  for (let after = 0; after < 20_000; ) {
    const { events, to } = (await reader.next(after))!
    const size = events.reduce((sum, { data }) => sum + data.length, 0)
    largest = Math.max(largest, size)
    expect(size).toBeLessThan(8_388_608 + 100_000)
    // Nothing lies between a page and the one before it.
    expect(events.map(({ position }) => position)).toEqual(Array.from({ length: to - after }, (_, i) => after + 1 + i))
    after = to
  }
  expect(largest).toBeGreaterThanOrEqual(8_388_608)
})

test('a page is read in parts, as the events of one are made in one stretch', async () => {
  const parts: number[] = []
  const inner = logOf(10_000, 300_000)
  const store: Store = {
    ...inner,
    readAll: async options => {
      const found = await inner.readAll(options)
      parts.push(found.length)
      return found
    },
  }
  const reader = new Reader(store, keepsNothing(10_016), null)
  let after = 0
  for (const to of [1_000, 3_000, 7_000, 10_016]) {
    const page = (await reader.next(after))!
    expect(page.to).toBe(to)
    expect(page.events.map(({ position }) => position)).toEqual(Array.from({ length: to - after }, (_, i) => after + 1 + i))
    after = to
  }
  // A thousand small ones are a part, and four large ones, which come to a MiB.
  expect(parts).toEqual([...Array.from({ length: 10 }, () => 1_000), 4, 4, 4, 4])
})

test('a page that ended by its size is not taken for all that a filter matches', async () => {
  const filter: Filter = new Map([['s', null]])
  const reader = new Reader(logOf(0, 1_000_000), keepsNothing(100), filter)
  const found: number[] = []
  for (let after = 0; after < 100; ) {
    const { events, to } = (await reader.next(after))!
    found.push(...events.map(({ position }) => position))
    after = to
  }
  expect(found).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
})

test('a page that is too large for the deadline of the store is asked for in ever smaller ones', async () => {
  const asked: number[] = []
  const inner = logOf(0, 10)
  const slow = {
    ...inner,
    readAll: (options: Parameters<Store['readAll']>[0]) => {
      asked.push(options.limit)
      return options.limit > 100 ? Promise.reject(new StoreError('unavailable', 'too much')) : inner.readAll(options)
    },
  }
  const reader = new Reader(slow, keepsNothing(5_000), null)
  let failures = 0
  for (let after = 0; after < 1_000; ) {
    const page = await reader.next(after).catch(() => null)
    if (page) after = page.to
    else failures++
    expect(failures).toBeLessThan(20)
  }
  expect(asked.slice(0, 5)).toEqual([1_000, 500, 250, 125, 63])
})

/** A log without an end: so many small events, then large ones. */
function logOf(small: number, size: number): Store {
  const [little, large] = ['x'.repeat(50), 'x'.repeat(size)]
  const event = (position: number): StoredEvent => ({
    ...{ id: 'e', stream: 's-1', version: position, position, type: 'T', schema: 's', meta: '{}', at: '' },
    data: position > small ? large : little,
  })
  const readAll: Store['readAll'] = async ({
    after,
    limit,
    until = Number.MAX_SAFE_INTEGER,
    sizeMax = Number.POSITIVE_INFINITY,
  }) =>
    upToSize(
      Array.from({ length: Math.min(limit, until - after) }, (_, i) => event(after + i + 1)),
      sizeMax,
    )
  return { ...memory(), readAll }
}

/** A tail that knows the head and keeps nothing. */
function keepsNothing(head: number): Tail {
  return {
    head,
    waiting: 0,
    page: () => null,
    wait: () => Promise.resolve(true),
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
