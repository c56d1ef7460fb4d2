// A row as it changes.
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../../src/definitions/event/events.ts'
import { decider } from '../../src/definitions/decider/decider.ts'
import { projection } from '../../src/definitions/projection/projection.ts'
import { memory } from '../../src/ports/store/memory.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { type EventReader, eventsOf } from '../../src/test-support/event-stream.ts'
import { type Client, expectProblem, type Headers_, openClient } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

const Door = events('door', { Opened: z.object({}), Closed: z.object({}), Removed: z.object({}) })
const door = decider(Door, {
  initial: {},
  evolve: { Opened: s => s, Closed: s => s, Removed: s => s },
  commands: { open: z.object({}), close: z.object({}), remove: z.object({}) },
  decide: { open: () => Door.Opened({}), close: () => Door.Closed({}), remove: () => Door.Removed({}) },
})
const doors = projection('all-doors', {
  from: Door,
  row: z.object({ isOpen: z.boolean() }),
  initial: { isOpen: false },
  evolve: { Opened: () => ({ isOpen: true }), Closed: () => ({ isOpen: false }), Removed: () => null },
})

afterEach(cleanUp)
const openDoors = (options: { readonly store?: Store } = {}): Client => openClient({ serve: [door, doors], ...options })

async function follow({ app }: Client, key: string, headers: Headers_ = {}, of = 'all-doors'): Promise<EventReader> {
  const response = await app.request(`/${of}/${key}/events`, { headers })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const reader = eventsOf(response)
  cleanUpLater(() => reader.cancel())
  return reader
}
const awaitRows = (reader: EventReader, ...wanted: readonly [id: string, type: string, data: object][]) =>
  until(`there are ${wanted.length}`, () => reader.events.length >= wanted.length).then(() =>
    expect(reader.events.map(({ id, type, data }) => [id, type, JSON.parse(data)])).toEqual(wanted as never),
  )
const awaitProcessed = async (one: Client, position: number) => {
  const emaki = await one.app[spec].start()
  await untilProcessed(emaki, position)
}

describe('a client that follows a row', () => {
  test('GET of a followed row sends the row, and again when it changes, but not when other rows change', async () => {
    const one = openDoors()
    await one.post('/door/d1/open')
    await awaitProcessed(one, 1)
    const reader = await follow(one, 'd1')
    await awaitRows(reader, ['1', 'row', { key: 'd1', isOpen: true }])
    await one.post('/door/d2/open')
    await one.post('/door/d1/close')
    await awaitRows(reader, ['1', 'row', { key: 'd1', isOpen: true }], ['3', 'row', { key: 'd1', isOpen: false }])
    await one.post('/door/d1/remove')
    await until('it is gone', () => reader.events.at(-1)?.type === 'deleted')
    expect(JSON.parse(reader.events.at(-1)!.data)).toEqual({ key: 'd1' })
    await one.post('/door/d1/open')
    await until('it is back', () => reader.events.at(-1)?.id === '5')
  })

  test('GET of a followed row that does not exist waits until it does', async () => {
    const one = openDoors()
    const reader = await follow(one, 'd1')
    await one.post('/door/d1/open')
    await awaitRows(reader, ['1', 'row', { key: 'd1', isOpen: true }])
  })

  test('a followed row that another process folds is sent as soon as the wait for its position ends', async () => {
    const store = memory()
    let polls = 0
    const progress: typeof store.readModel.progress = names => {
      polls++
      return store.readModel.progress(names)
    }
    const owner = openDoors({ store })
    await owner.post('/door/d1/open')
    await awaitProcessed(owner, 1)
    const other = openDoors({ store: { ...store, readModel: { ...store.readModel, progress } } })
    await awaitProcessed(other, 1)
    const reader = await follow(other, 'd1')
    await awaitRows(reader, ['1', 'row', { key: 'd1', isOpen: true }])
    const before = polls
    using waits = spyOn(globalThis, 'setTimeout')
    await until('it is asked for again and again', () => polls > before + 5)
    // Where nobody waits, it is 1 s.
    expect(waits.mock.calls.filter(([, ms]) => ms === 10).length).toBeGreaterThanOrEqual(5)
    await owner.post('/door/d1/close')
    await awaitRows(reader, ['1', 'row', { key: 'd1', isOpen: true }], ['2', 'row', { key: 'd1', isOpen: false }])
  })

  test('GET of a followed row on a reconnect sends nothing twice', async () => {
    const one = openDoors()
    await one.post('/door/d1/open')
    await awaitProcessed(one, 1)
    const same = await follow(one, 'd1', { 'Last-Event-ID': '1' })
    await one.post('/door/d1/close')
    await awaitRows(same, ['2', 'row', { key: 'd1', isOpen: false }])
    await awaitRows(await follow(one, 'd1', { 'Last-Event-ID': '1' }), ['2', 'row', { key: 'd1', isOpen: false }])
  })

  test('GET of a followed row that is parked says where it has stopped, and sends the row once it goes on', async () => {
    const one = openThingApp()
    await one.say('a', 'set', looks('apple'))
    const { store } = await one.app[spec].start()
    await one.see('/things/a')
    const reader = await follow(one, 'a', {}, 'things')
    const apple = { key: 'a', ...looks('apple') }
    await awaitRows(reader, ['1', 'row', apple])
    await one.say('a', 'poison')
    await one.say('b', 'poison')
    const stopped = { key: 'a', position: 2 }
    await awaitRows(reader, ['1', 'row', apple], ['1', 'parked', stopped])
    await awaitRows(await follow(one, 'a', { 'Last-Event-ID': '1' }, 'things'), ['1', 'parked', stopped])
    await awaitRows(await follow(one, 'b', {}, 'things'), ['0', 'parked', { key: 'b', position: 3 }])
    await store.readModel.unpark('things_v1', 'a', 'skip')
    await awaitRows(reader, ['1', 'row', apple], ['1', 'parked', stopped], ['1', 'row', apple])
  })

  test('GET of a followed row after a position that is malformed or of another log is refused', async () => {
    const { get } = openDoors()
    expectProblem(await get('/all-doors/d1/events', { 'Last-Event-ID': 'x' }), 'bad-header', { detail: expect.any(String) })
    expectProblem(await get('/all-doors/d1/events', { 'Last-Event-ID': '7' }), 'unknown-position', { detail: expect.any(String) })
  })

  test('a client of a followed row that disconnects leaves no listener behind', async () => {
    const one = openDoors()
    const readers = await Promise.all(Array.from({ length: 20 }, (_, i) => follow(one, `d${i % 3}`)))
    const emaki = await one.app[spec].start()
    await until('all listen', () => emaki.rowChanges.count === 20)
    await Promise.all(readers.map(reader => reader.cancel()))
    await one.post('/door/d1/open')
    await until('nobody listens', () => emaki.rowChanges.count === 0)
  })
})
