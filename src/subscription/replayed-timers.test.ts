import { expect, test } from 'bun:test'
import type { AgendaChange } from '../definitions/process/instance.ts'
import { every } from '../definitions/recurrence.ts'
import { memoryAgenda } from '../ports/agenda/memory.ts'
import { ReplayedTimers } from './replayed-timers.ts'

const timer = (id: string, due: string, more: object = {}): AgendaChange => ({
  ...{ id, key: 'k', timer: id, command: null, meta: { correlation: id, causation: id }, due: Date.parse(due), set: 1 },
  ...more,
})

test('a timer that is set again after a replay is set for its next time where times come again, and else only if it lies ahead', async () => {
  const agenda = memoryAgenda({ now: () => Date.parse('2030-01-05T12:00:00Z'), renewKeys: () => {} })
  const replayed = await ReplayedTimers.read(agenda, 'process_p')
  const kept = replayed.keep([
    timer('past', '2030-01-01T00:00:00Z'),
    timer('ahead', '2030-02-01T00:00:00Z'),
    timer('daily', '2030-01-01T03:00:00Z', { every: every('0 3 * * *', { zone: 'UTC' }) }),
  ])
  expect(kept.map(one => 'due' in one && [one.id, new Date(one.due).toISOString()])).toEqual([
    ['ahead', '2030-02-01T00:00:00.000Z'],
    ['daily', '2030-01-06T03:00:00.000Z'],
  ])
  expect(replayed.left).toBe(1)
})
