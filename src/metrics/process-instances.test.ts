// Instances of processes by state, over a restart, and on each store that needs no server.
import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import { sqlite } from '../adapters/sqlite/store.ts'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import { saga } from '../definitions/process/saga.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Services, startServices } from '../runtime.ts'
import { cleanUp } from '../test-support/cleanup.ts'
import { until } from '../test-support/servers/until.ts'
import { newFolder } from '../test-support/sqlite.ts'
import { Metrics } from './registry.ts'

afterAll(cleanUp)

const Trip = events('trip', { Begun: z.object({}), Ended: z.object({}), Booked: z.object({}), Freed: z.object({}) })
const trip = decider(Trip, {
  initial: {},
  evolve: { Begun: s => s, Ended: s => s, Booked: s => s, Freed: s => s },
  commands: { begin: z.object({}), end: z.object({}), book: z.object({}), free: z.object({}) },
  decide: {
    begin: () => Trip.Begun({}),
    end: () => Trip.Ended({}),
    book: (_, __, { instance }) => (instance.startsWith('full') ? reject('full') : Trip.Booked({})),
    free: () => Trip.Freed({}),
  },
})
const watching = processManager('watching', {
  from: Trip,
  to: trip,
  start: 'beginning',
  begins: 'Begun',
  initial: {},
  evolve: { Begun: s => s, Ended: () => null },
  react: {},
  on: { rejected: () => [] },
})
const booking = saga('booking', {
  from: Trip,
  to: trip,
  start: 'beginning',
  begins: { Begun: () => ({}) },
  steps: [{ run: (_, key) => trip.book(key, {}), undo: (_, key) => trip.free(key, {}) }],
})

async function statesOf({ metrics }: Services): Promise<Readonly<Record<string, unknown>>> {
  const found = (await metrics.read()).find(({ name }) => name === 'emaki.process.instances')
  return Object.fromEntries((found?.series ?? []).map(({ values, counted }) => [values.join(' '), counted]))
}

describe('instances of processes', () => {
  test.each([
    ['memory', memory()],
    ['SQLite', sqlite(join(newFolder(), 'log.db'))],
  ] as const)('instances of processes are counted by state, and are the same after a restart: on %s', async (_, store) => {
    const start = (on: Store) =>
      startServices({ serve: [trip, watching, booking], store: on, metrics: new Metrics(), report: () => {} })
    const emaki = await start(store)
    for (const id of ['a', 'b', 'full-1']) await emaki.send(trip.begin(id, {}))
    await emaki.send(trip.end('a', {}))
    const expected = { 'watching open': 2, 'booking done': 2, 'booking undone': 1 }
    await until('all are handled', async () => Bun.deepEquals(await statesOf(emaki), expected))
    await emaki.close()
    const again = await start(store)
    await until('they are counted again', async () => Bun.deepEquals(await statesOf(again), expected))
    expect(await statesOf(again)).toEqual(expected)
    await again.close()
  })
})
