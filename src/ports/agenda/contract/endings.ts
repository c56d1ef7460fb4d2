// An entry ends once: it is done, has an outcome, or is removed before it has begun.
import { expect } from 'bun:test'
import type { AgendaCase } from './case.ts'
import { HOUR, OWNER, commitEntries, entry, idsOf, sentOf, timer } from './builders.ts'

export const endings: readonly AgendaCase[] = [
  {
    title: 'forgets an entry that is done, however often it is done',
    run: async ({ store }) => {
      await commitEntries(store, [entry('a'), entry('b'), entry('c')])
      await store.agenda.done([sentOf('a'), sentOf('c'), sentOf('never there')])
      await store.agenda.done([sentOf('a')])
      expect(idsOf((await store.agenda.due(OWNER, 10)).entries)).toEqual(['b'])
    },
  },
  {
    title: 'keeps what has ended with its outcome until it is forgotten, and does not give it again',
    run: async ({ store, advance }) => {
      await store.agenda.schedule(entry('a', { owner: 'commands' }))
      await store.agenda.end([{ id: 'a', outcome: '{"outcome":"accepted"}' }])
      expect((await store.agenda.due('commands', 10)).entries).toEqual([])
      expect(await store.agenda.find('a')).toMatchObject({ outcome: '{"outcome":"accepted"}', endedAt: expect.any(String) })
      expect(await store.agenda.remove('a')).toBeFalse()
      await advance(HOUR)
      expect(await store.agenda.forget(2 * HOUR)).toBe(0)
      expect(await store.agenda.forget(HOUR)).toBe(1)
      expect(await store.agenda.find('a')).toBeNull()
    },
  },
  {
    title: 'lets nobody take back what has begun, and begins nothing that was taken back',
    run: async ({ store }) => {
      await commitEntries(store, [entry('a'), entry('b')])
      expect(await store.agenda.remove('b')).toBeTrue()
      expect(await store.agenda.begin(['a', 'b', 'never there'])).toEqual(['a'])
      expect(await store.agenda.remove('a')).toBeFalse()
      // Whoever goes on after a crash begins it again.
      expect(await store.agenda.due(OWNER, 10)).toMatchObject({ entries: [{ id: 'a', hasBegun: true }] })
      expect(await store.agenda.begin(['a'])).toEqual(['a'])
    },
  },
  {
    title: 'keeps a timer that has been set anew when the one before it is forgotten',
    run: async ({ store }) => {
      await commitEntries(store, [timer('t', 1, { set: 7 })])
      await commitEntries(store, [timer('t', 2, { set: 8 })])
      await store.agenda.done([sentOf('t', 7)])
      expect((await store.agenda.due(OWNER, 10)).entries.map(({ set }) => set)).toEqual([8])
      await store.agenda.done([sentOf('t', 8)])
      expect(await store.agenda.find('t')).toBeNull()
    },
  },
]
