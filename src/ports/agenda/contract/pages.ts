// Entries are committed with the page of their subscription, or not at all.
import { expect } from 'bun:test'
import type { AgendaCase } from './case.ts'
import { HOUR, OWNER, commitEntries, entry, idsOf, timer } from './builders.ts'

export const pages: readonly AgendaCase[] = [
  {
    title: 'takes entries with a page, and gives them as they were when they are due',
    run: async ({ store }) => {
      const odd = `o'brien "\\ ü 日本 {x},` // What arrays and quotes are made of.
      expect(
        await commitEntries(store, [entry(`p:${odd}:7:0`, { key: odd, command: `{"id":${JSON.stringify(odd)}}` })]),
      ).toBeTrue()
      const { entries, next } = await store.agenda.due(OWNER, 10)
      expect(entries).toEqual([
        {
          ...{
            id: `p:${odd}:7:0`,
            owner: OWNER,
            key: odd,
            timer: null,
            command: `{"id":${JSON.stringify(odd)}}`,
            meta: '{}',
            set: 7,
          },
          ...{ due: expect.any(String), madeAt: expect.any(String), outcome: null, endedAt: null, hasBegun: false },
        },
      ])
      expect(next).toBeNull()
      expect(Math.abs(Date.parse(entries[0]!.due) - Date.parse(entries[0]!.madeAt))).toBeLessThan(1_000)
    },
  },
  {
    title: 'takes nothing with a page that is refused',
    run: async ({ store }) => {
      await commitEntries(store, [timer('kept', 1)])
      expect(await commitEntries(store, [entry('new')], ['kept'], true)).toBeFalse()
      expect(idsOf(await store.agenda.list({ limit: 10 }))).toEqual(['kept'])
    },
  },
  {
    title: 'replaces an entry of the same id with a page, and takes it back with one',
    run: async ({ store }) => {
      const { now } = await store.agenda.due(OWNER, 1)
      await commitEntries(store, [timer('t', 1_000)])
      await commitEntries(store, [timer('t', now + HOUR, { set: 9, command: '{}' })])
      expect(await store.agenda.due(OWNER, 10)).toMatchObject({ entries: [], next: now + HOUR })
      expect(await store.agenda.find('t')).toMatchObject({ set: 9, command: '{}' })
      await commitEntries(store, [], ['t', 'never there'])
      expect(await store.agenda.find('t')).toBeNull()
    },
  },
]
