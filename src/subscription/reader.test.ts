// What reads ahead may fail ahead, too.
import { expect, test } from 'bun:test'
import { memory } from '../store/memory.ts'
import { StoreError } from '../store/store.ts'
import { failsBefore, faulty } from '../testing/faulty-store.ts'
import { Reader } from './reader.ts'
import type { Tail } from './tail.ts'

test('a page that could not be read ahead is read again', async () => {
  const store = faulty(memory())
  await store.open()
  const events = Array.from({ length: 20 }, (_, i) => ({ id: `e${i}`, type: 'T', schema: 's', data: '{}', meta: '{}' }))
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events }], keys: [] }])
  // A tail that keeps nothing.
  const tail: Tail = {
    head: 20,
    waiting: 0,
    page: () => null,
    wait: () => Promise.resolve(true),
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const reader = new Reader(store, tail, null, 10)
  store.next('readAll', call => call(), failsBefore())
  expect((await reader.next(0))?.to).toBe(10)
  expect(await reader.next(10).catch(error => error)).toBeInstanceOf(StoreError)
  expect((await reader.next(10))?.to).toBe(20)
})
