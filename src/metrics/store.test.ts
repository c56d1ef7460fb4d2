import { expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import { seriesOf } from '../test-support/series.ts'
import { Metrics } from './registry.ts'
import { measureStore } from './store.ts'

const DURATION = 'db.client.operation.duration'
const units = [
  { slices: [{ stream: 'a-1', expect: 0, events: [{ id: 'e', type: 'T', schema: 's', data: '1', meta: '{}' }] }], keys: [] },
]

test('calls of a store are measured by the name of the call, those of its parts by the name of the part too', async () => {
  const metrics = new Metrics()
  const store = measureStore(memory(), metrics)
  await store.open()
  await store.append(units)
  await store.append(units)
  await store.head()
  await store.readModel.progress()
  await store.agenda.count()
  expect(await store.readAll({ after: 0, limit: 9 })).toHaveLength(1)
  expect(await seriesOf(metrics, DURATION)).toEqual({
    'append memory ': 2,
    'head memory ': 1,
    'readAll memory ': 1,
    'readModel.progress memory ': 1,
    'agenda.count memory ': 1,
  })
})

test('a call of a store that fails is measured under the reason of its error, and one of another error as _OTHER', async () => {
  const metrics = new Metrics()
  const errors = [new StoreError('full', 'no room'), new TypeError('a bug')]
  const store = measureStore({ ...memory(), head: () => Promise.reject(errors.shift()!) }, metrics)
  await expect(store.head()).rejects.toThrow('no room')
  await expect(store.head()).rejects.toThrow('a bug')
  expect(await seriesOf(metrics, DURATION)).toEqual({ 'head memory full': 1, 'head memory _OTHER': 1 })
})

test('a store that measures itself is given the meter before it is opened', async () => {
  const metrics = new Metrics()
  const seen: string[] = []
  const measuring: Store = {
    ...memory(),
    measureWith: meter => void seen.push(meter === metrics ? 'meter' : 'another'),
    open: async () => void seen.push('open'),
  }
  await measureStore(measuring, metrics).open()
  expect(seen).toEqual(['meter', 'open'])
})

test('a member of a store that is replaced while it is measured is called from then on', async () => {
  const raw: { head: Store['head'] } & Store = memory()
  const store = measureStore(raw, new Metrics())
  expect(await store.head()).toBe(0)
  raw.head = async () => 7
  expect(await store.head()).toBe(7)
})
