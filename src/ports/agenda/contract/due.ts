// An agenda gives what is due, in order.
import { expect } from 'bun:test'
import type { AgendaCase } from './case.ts'
import { HOUR, OWNER, commitEntries, entry, idsOf, timer } from './builders.ts'

export const due: readonly AgendaCase[] = [
  {
    title: 'gives what is due of one owner in order of time and then of adding, and says when the next one is',
    run: async ({ store, advance }) => {
      const { now } = await store.agenda.due(OWNER, 1)
      await commitEntries(store, [
        timer('later', now + HOUR),
        entry('b'),
        entry('a'),
        timer('old', 1_000),
        entry('other', { owner: 'process_q' }),
      ])
      const found = await store.agenda.due(OWNER, 10)
      expect(idsOf(found.entries)).toEqual(['old', 'b', 'a'])
      expect(found.next).toBe(now + HOUR)
      expect(idsOf((await store.agenda.due(OWNER, 2)).entries)).toEqual(['old', 'b'])
      expect((await store.agenda.due(OWNER, 2)).next).toBeLessThanOrEqual((await store.agenda.due(OWNER, 2)).now)
      await advance(HOUR - 60_000)
      expect(idsOf((await store.agenda.due(OWNER, 10)).entries)).not.toContain('later')
      await advance(61_000)
      expect(idsOf((await store.agenda.due(OWNER, 10)).entries)).toContain('later')
    },
  },
]
