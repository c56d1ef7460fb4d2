import { expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import type { NewEntry } from '../ports/agenda/agenda.ts'
import type { Status } from '../subscription/status.ts'
import { seriesOf } from '../test-support/series.ts'
import { observeRuntime } from './gauges.ts'
import { Metrics } from './registry.ts'

const entry = (id: string, owner: string, due: number): NewEntry => {
  return { id, owner, key: 'k', timer: null, command: '{}', meta: '{}', due, set: 0 }
}

test('the gauges of the agenda say how much of each owner is due, since when, and how much is due later', async () => {
  let now = 1_000_000
  const { agenda } = memory({ now: () => now })
  await agenda.schedule(entry('a', 'mails', 0))
  await agenda.schedule(entry('b', 'mails', 1_010_000))
  await agenda.schedule(entry('c', 'mails', 9_000_000))
  await agenda.schedule(entry('d', 'commands', 8_000_000))
  now += 90_000
  const metrics = new Metrics()
  const end = observeRuntime(metrics, agenda, { status: async () => [], head: () => 0, waiting: () => 0, waitingMs: () => 1_500 })
  const read = await metrics.read()
  end()
  const found = Object.fromEntries(
    read.map(({ name, series }) => [name, series.map(({ values, counted }) => [...values, counted])]),
  )
  expect(found).toMatchObject({
    'emaki.command.waiting.time': [[1.5]],
    'emaki.agenda.due': expect.arrayContaining([
      ['mails', 2],
      ['commands', 0],
    ]),
    'emaki.agenda.due.time': expect.arrayContaining([
      ['mails', 90],
      ['commands', 0],
    ]),
    'emaki.agenda.later': expect.arrayContaining([
      ['mails', 1],
      ['commands', 1],
    ]),
  })
})

test('a version of a projection that does not serve yet says how far it is, and one that serves does not', async () => {
  const version = (name: string, position: number, isServing: boolean): Status => ({
    ...{ name, definition: { kind: 'projection', name: 'orders' }, position, lagEvents: 200 - position, lagSeconds: 0 },
    ...{ parkedKeys: 0, parkedStreams: 0, retrying: 0, passedOver: 0, isOwner: true, isPaused: false, failure: null, isServing },
  })
  const metrics = new Metrics()
  const status = async () => [version('orders_v1', 200, true), version('orders_v2', 50, false)]
  const end = observeRuntime(metrics, memory().agenda, { status, head: () => 200, waiting: () => 0, waitingMs: () => 0 })
  expect(await seriesOf(metrics, 'emaki.rebuild.progress')).toEqual({ orders_v2: 0.25 })
  end()
})
