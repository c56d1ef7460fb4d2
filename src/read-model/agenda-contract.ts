// What every agenda promises, as cases that run on any of them.
import { expect } from 'bun:test'
import type { Store } from '../store/store.ts'
import { type ContractCase, contract } from '../testing/contract.ts'
import type { NewEntry } from './agenda.ts'

export type MadeAgenda = {
  /** Open, over an empty database of its own. */
  readonly store: Pick<Store, 'agenda' | 'readModel' | 'append' | 'load' | 'forgetKeys'>
  /** Moves the time, by which entries fall due and keys end, so many ms ahead. */
  readonly advance: (ms: number) => Promise<void> | void
  readonly close: () => Promise<void>
}
export type AgendaCase = ContractCase<MadeAgenda>

/** Tests an agenda: each case gets one of its own. */
export function agendaContract(name: string, make: () => Promise<MadeAgenda>): void {
  contract(`${name} keeps the contract of the agenda: it`, agendaCases, make)
}

const OWNER = 'process_p'
const HOUR = 3_600_000
const entry = (id: string, changed: Partial<NewEntry> = {}): NewEntry => ({
  ...{ id, owner: OWNER, key: 'k', timer: null, command: '{"decider":"d"}', meta: '{}', due: 0, set: 7 },
  ...changed,
})
const timer = (id: string, due: number, changed: Partial<NewEntry> = {}) =>
  entry(id, { timer: 't', command: null, due, ...changed })
/** An entry of `entry` as what was sent of it. */
const sent = (id: string, set = 7) => ({ id, set })
const idsOf = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)

/** Writes a page of the subscription that owns the entries; false: it was refused. */
async function paged(
  { readModel }: MadeAgenda['store'],
  add: readonly NewEntry[],
  remove: readonly string[] = [],
  stale = false,
) {
  const { epoch, position } = (await readModel.acquire(OWNER, { owner: 'a', ttlMs: 10_000, start: 0 }))!
  const page = { name: OWNER, epoch: stale ? epoch - 1 : epoch, from: position, to: position + 1, ttlMs: 10_000 }
  return readModel.commit({ ...page, rows: [], park: [], unpark: [], agenda: { add, remove } })
}

export const agendaCases: readonly AgendaCase[] = [
  {
    title: 'takes entries with a page, and gives them as they were when they are due',
    run: async ({ store }) => {
      const odd = `o'brien "\\ ü 日本 {x},` // What arrays and quotes are made of.
      expect(await paged(store, [entry(`p:${odd}:7:0`, { key: odd, command: `{"id":${JSON.stringify(odd)}}` })])).toBeTrue()
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
    title: 'keeps a timer that has been set anew when the one before it is forgotten',
    run: async ({ store }) => {
      await paged(store, [timer('t', 1, { set: 7 })])
      await paged(store, [timer('t', 2, { set: 8 })])
      await store.agenda.done([sent('t', 7)])
      expect((await store.agenda.due(OWNER, 10)).entries.map(({ set }) => set)).toEqual([8])
      await store.agenda.done([sent('t', 8)])
      expect(await store.agenda.find('t')).toBeNull()
    },
  },
  {
    title: 'takes nothing with a page that is refused',
    run: async ({ store }) => {
      await paged(store, [timer('kept', 1)])
      expect(await paged(store, [entry('new')], ['kept'], true)).toBeFalse()
      expect(idsOf(await store.agenda.list({ limit: 10 }))).toEqual(['kept'])
    },
  },
  {
    title: 'gives what is due of one owner in order of time and then of adding, and says when the next one is',
    run: async ({ store, advance }) => {
      const { now } = await store.agenda.due(OWNER, 1)
      await paged(store, [
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
  {
    title: 'replaces an entry of the same id with a page, and takes it back with one',
    run: async ({ store }) => {
      const { now } = await store.agenda.due(OWNER, 1)
      await paged(store, [timer('t', 1_000)])
      await paged(store, [timer('t', now + HOUR, { set: 9, command: '{}' })])
      expect(await store.agenda.due(OWNER, 10)).toMatchObject({ entries: [], next: now + HOUR })
      expect(await store.agenda.find('t')).toMatchObject({ set: 9, command: '{}' })
      await paged(store, [], ['t', 'never there'])
      expect(await store.agenda.find('t')).toBeNull()
    },
  },
  {
    title: 'forgets what is done, however often it is said',
    run: async ({ store }) => {
      await paged(store, [entry('a'), entry('b'), entry('c')])
      await store.agenda.done([sent('a'), sent('c'), sent('never there')])
      await store.agenda.done([sent('a')])
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
      await paged(store, [entry('a'), entry('b')])
      expect(await store.agenda.remove('b')).toBeTrue()
      expect(await store.agenda.begin(['a', 'b', 'never there'])).toEqual(['a'])
      expect(await store.agenda.remove('a')).toBeFalse()
      // Whoever goes on after a crash begins it again.
      expect(await store.agenda.due(OWNER, 10)).toMatchObject({ entries: [{ id: 'a', hasBegun: true }] })
      expect(await store.agenda.begin(['a'])).toEqual(['a'])
    },
  },
  {
    title: 'schedules an id once, whoever says so at the same moment',
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
      await paged(store, [
        entry('a'),
        timer('t1', now + HOUR),
        timer('t2', 1_000),
        timer('t3', now + HOUR, { owner: 'process_q' }),
      ])
      expect(idsOf(await store.agenda.list({ owner: OWNER, timers: true, limit: 10 }))).toEqual(['t2', 't1'])
      expect(idsOf(await store.agenda.list({ timers: false, limit: 10 }))).toEqual(['a'])
      expect(await store.agenda.list({ limit: 2 })).toHaveLength(2)
      await paged(store, [entry('b', { key: 'other' })])
      expect(idsOf(await store.agenda.list({ key: 'other', limit: 10 }))).toEqual(['b'])
      await store.agenda.done([{ id: 'b', set: 7 }])
      expect(await store.agenda.count()).toEqual([
        { owner: OWNER, pending: 3, timers: 2, due: 2 },
        { owner: 'process_q', pending: 1, timers: 1, due: 0 },
      ])
      await store.agenda.clearTimers(OWNER)
      expect(idsOf(await store.agenda.list({ limit: 10 })).toSorted()).toEqual(['a', 't3'])
    },
  },
  {
    title: 'keeps the idempotency keys of what is pending, though their time is over, until it is done',
    run: async ({ store, advance }) => {
      await paged(store, [entry('a'), entry('b')])
      const key = (key: string) => ({
        ...{ key, fingerprint: 'f', version: 0, count: 0, rejection: null, keepMs: HOUR },
        stream: 's-1',
      })
      const slices = [{ stream: 's-1', expect: 'any', events: [] } as const]
      await store.append([{ slices, keys: [key('agenda:a'), key('answer:a'), key('client:x')] }])
      const known = async () => (await store.load([], ['agenda:a', 'answer:a', 'client:x'])).keys.map(({ key }) => key).toSorted()
      await advance(2 * HOUR)
      expect(await known()).toEqual([])
      await store.forgetKeys()
      await store.agenda.renewKeys(OWNER, HOUR)
      expect(await known()).toEqual(['agenda:a', 'answer:a'])
      await store.agenda.done([sent('a')])
      await advance(2 * HOUR)
      await store.forgetKeys()
      await store.agenda.renewKeys(OWNER, HOUR)
      expect(await known()).toEqual([])
    },
  },
]
