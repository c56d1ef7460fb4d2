// A row as it changes.
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../../src/definitions/event/events.ts'
import { decider } from '../../src/definitions/decider/decider.ts'
import { projection } from '../../src/definitions/projection/projection.ts'
import { memory } from '../../src/ports/store/memory.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { type EventReader, eventsOf } from '../../src/test-support/event-stream.ts'
import { type Client, client, expectProblem, type Headers_ } from '../../src/test-support/http.ts'
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

const left: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of left.splice(0).reverse()) await undo()
})
function made(options: { readonly store?: Store } = {}): Client {
  const made = client({ serve: [door, doors], ...options })
  left.push(() => made.app[spec].stop())
  return made
}
async function follow({ app }: Client, key: string, headers: Headers_ = {}): Promise<EventReader> {
  const response = await app.request(`/all-doors/${key}/events`, { headers })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const reader = eventsOf(response)
  left.push(() => reader.cancel())
  return reader
}
const has = (reader: EventReader, ...wanted: readonly [id: string, type: string, data: object][]) =>
  until(`there are ${wanted.length}`, () => reader.events.length >= wanted.length).then(() =>
    expect(reader.events.map(({ id, type, data }) => [id, type, JSON.parse(data)])).toEqual(wanted as never),
  )
const isCaughtUp = async (one: Client, position: number) => {
  const emaki = await one.app[spec].start()
  await untilProcessed(emaki, position)
}

describe('who follows a row', () => {
  test('gets it as it is, and each time it changes, but not when others do', async () => {
    const one = made()
    await one.post('/door/d1/open')
    await isCaughtUp(one, 1)
    const reader = await follow(one, 'd1')
    await has(reader, ['1', 'row', { key: 'd1', isOpen: true }])
    await one.post('/door/d2/open')
    await one.post('/door/d1/close')
    await has(reader, ['1', 'row', { key: 'd1', isOpen: true }], ['3', 'row', { key: 'd1', isOpen: false }])
    await one.post('/door/d1/remove')
    await until('it is gone', () => reader.events.at(-1)?.type === 'deleted')
    expect(JSON.parse(reader.events.at(-1)!.data)).toEqual({ key: 'd1' })
    await one.post('/door/d1/open')
    await until('it is back', () => reader.events.at(-1)?.id === '5')
  })

  test('waits for a row that is not there yet', async () => {
    const one = made()
    const reader = await follow(one, 'd1')
    await one.post('/door/d1/open')
    await has(reader, ['1', 'row', { key: 'd1', isOpen: true }])
  })

  test('hears of what another process folds as soon as who waits for it would', async () => {
    const store = memory()
    let polls = 0
    const progress: typeof store.readModel.progress = names => {
      polls++
      return store.readModel.progress(names)
    }
    const owner = made({ store })
    await owner.post('/door/d1/open')
    await isCaughtUp(owner, 1)
    const other = made({ store: { ...store, readModel: { ...store.readModel, progress } } })
    await isCaughtUp(other, 1)
    const reader = await follow(other, 'd1')
    await has(reader, ['1', 'row', { key: 'd1', isOpen: true }])
    const before = polls
    using waits = spyOn(globalThis, 'setTimeout')
    await until('it is asked for again and again', () => polls > before + 5)
    // Where nobody waits, it is 1 s.
    expect(waits.mock.calls.filter(([, ms]) => ms === 10).length).toBeGreaterThanOrEqual(5)
    await owner.post('/door/d1/close')
    await has(reader, ['1', 'row', { key: 'd1', isOpen: true }], ['2', 'row', { key: 'd1', isOpen: false }])
  })

  test('is told nothing twice when it comes back', async () => {
    const one = made()
    await one.post('/door/d1/open')
    await isCaughtUp(one, 1)
    const same = await follow(one, 'd1', { 'Last-Event-ID': '1' })
    await one.post('/door/d1/close')
    await has(same, ['2', 'row', { key: 'd1', isOpen: false }])
    await has(await follow(one, 'd1', { 'Last-Event-ID': '1' }), ['2', 'row', { key: 'd1', isOpen: false }])
  })

  test('is refused a position that is none, or not of this log', async () => {
    const { get } = made()
    expectProblem(await get('/all-doors/d1/events', { 'Last-Event-ID': 'x' }), 'bad-header', { detail: expect.any(String) })
    expectProblem(await get('/all-doors/d1/events', { 'Last-Event-ID': '7' }), 'unknown-position', { detail: expect.any(String) })
  })

  test('is forgotten when it goes away', async () => {
    const one = made()
    const readers = await Promise.all(Array.from({ length: 20 }, (_, i) => follow(one, `d${i % 3}`)))
    const emaki = await one.app[spec].start()
    await until('all listen', () => emaki.rowChanges.count === 20)
    await Promise.all(readers.map(reader => reader.cancel()))
    await one.post('/door/d1/open')
    await until('nobody listens', () => emaki.rowChanges.count === 0)
  })
})
