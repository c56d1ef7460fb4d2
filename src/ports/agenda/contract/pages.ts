// Entries are committed with the page of their subscription, or not at all.
import { expect } from 'bun:test'
import { buildLongText } from '../../../test-support/long-text.ts'
import type { AgendaCase } from './case.ts'
import { failureOf } from '../../read-model/contract/builders.ts'
import { PageRefused } from '../../read-model/page-refused.ts'
import type { NewEntry } from '../agenda.ts'
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
    title: 'refuses an entry that some database could not keep, with its page and alone, and takes nothing of it',
    run: async ({ store }) => {
      const wrong: readonly Partial<NewEntry>[] = [
        { due: 8_640_000_000_000_000_000 },
        { due: Date.UTC(10_000, 0) },
        { due: -1 },
        { due: 1.5 },
        { due: Number.NaN },
        { due: Number.POSITIVE_INFINITY },
        { set: Number.NaN },
        { id: 'a\0b' },
        { id: 'x'.repeat(2_601) },
        { key: '\ud800' },
        { timer: '\0' },
        { command: buildLongText(67_108_865) },
      ]
      for (const one of wrong) {
        const added = { ...timer('t', 1), ...one }
        const what = Object.keys(one).join()
        expect(await failureOf(commitEntries(store, [entry('a'), added])), what).toBeInstanceOf(PageRefused)
        expect(await failureOf(store.agenda.schedule(added)), what).toBeInstanceOf(PageRefused)
      }
      expect(await store.agenda.list({ limit: 10 })).toEqual([])
      await commitEntries(store, [timer('t', Date.UTC(10_000, 0) - 1)])
      expect((await store.agenda.list({ limit: 10 }))[0]?.due).toBe('9999-12-31T23:59:59.999Z')
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
