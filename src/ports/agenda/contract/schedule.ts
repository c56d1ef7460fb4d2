// An id is scheduled once, listed and counted.
import { expect } from 'bun:test'
import type { AgendaCase } from './case.ts'
import { HOUR, OWNER, commitEntries, entry, idsOf, timer } from './builders.ts'

export const schedule: readonly AgendaCase[] = [
  {
    title: 'schedules an id once, whoever does so at the same moment',
    run: async ({ store }) => {
      const said = await Promise.all(
        Array.from({ length: 8 }, (_, i) => store.agenda.schedule(entry('a', { meta: `{"n":${i}}` }))),
      )
      expect(new Set(said.map(({ meta }) => meta)).size).toBe(1)
      expect(await store.agenda.list({ limit: 10 })).toHaveLength(1)
      expect(await store.agenda.remove('a')).toBeTrue()
      expect(await store.agenda.remove('a')).toBeFalse()
    },
  },
  {
    title: 'lists and counts what is pending, and clears the timers of one owner',
    run: async ({ store }) => {
      const { now } = await store.agenda.due(OWNER, 1)
      await commitEntries(store, [
        entry('a'),
        timer('t1', now + HOUR),
        timer('t2', 1_000),
        timer('t3', now + HOUR, { owner: 'process_q' }),
      ])
      expect(idsOf(await store.agenda.list({ owner: OWNER, timers: true, limit: 10 }))).toEqual(['t2', 't1'])
      expect(idsOf(await store.agenda.list({ timers: false, limit: 10 }))).toEqual(['a'])
      expect(await store.agenda.list({ limit: 2 })).toHaveLength(2)
      await commitEntries(store, [entry('b', { key: 'other' })])
      expect(idsOf(await store.agenda.list({ key: 'other', limit: 10 }))).toEqual(['b'])
      await store.agenda.done([{ id: 'b', set: 7 }])
      expect(await store.agenda.count()).toEqual([
        { owner: OWNER, pending: 3, timers: 2, due: 2 },
        { owner: 'process_q', pending: 1, timers: 1, due: 0 },
      ])
    },
  },
]
