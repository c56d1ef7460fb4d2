import { expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import type { NewEntry } from '../ports/agenda/agenda.ts'
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
