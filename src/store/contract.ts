// What every store promises, as cases that run on any of them. A store keeps its promises when all of them pass.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { decider } from '../decider/decider.ts'
import { fold } from '../decider/fold.ts'
import { runtime } from '../runtime.ts'
import { events, spec } from '../event/events.ts'
import { type ContractCase, contract } from '../testing/contract.ts'
import {
  type Conflict,
  type Expectation,
  type Filter,
  isFull,
  LOAD_FACTS_MAX,
  type NewEvent,
  type NewKey,
  type ReadAllOptions,
  type Slice,
  type Store,
  type StoredEvent,
  type Unit,
  type UnitOutcome,
} from './store.ts'

/** A store as a case is given it. */
export type Made = {
  /** Open, over an empty log of its own. */
  readonly store: Store
  /** Gives another open store over the same log, as a process has it that starts after a crash. The one before it is not used again. */
  readonly reopen: () => Promise<Store>
  /** Moves the store's time, by which keys expire, so many ms ahead, or back where they are negative and it can be moved back. */
  readonly advance: (ms: number) => Promise<void> | void
  /** Closes what is open and deletes the log. */
  readonly close: () => Promise<void>
}

export type Case = ContractCase<Made>

/** Tests a store: each case gets one of its own. */
export function storeContract(name: string, make: () => Promise<Made>): void {
  contract(`${name} keeps the contract: it`, storeCases, make)
}

const CALLERS = 64
const HOUR_MS = 3_600_000
const WAIT_MS = 300_000

const order: readonly Case[] = [
  {
    title: 'begins empty: the head is 0, and no stream has events',
    run: async ({ store }) => {
      expect(await store.head()).toBe(0)
      expect(await store.readAll({ after: 0, limit: 10 })).toEqual([])
      expect(await store.read('s-1', { after: 0, limit: 10 })).toEqual([])
      const { streams, keys } = await store.load([{ stream: 's-1', after: 0 }], ['k'])
      expect(streams).toEqual([{ snapshot: null, facts: [], version: 0, position: 0, more: false, size: 0 }])
      expect(keys).toEqual([])
    },
  },
  {
    title: 'records events in the order given, with contiguous versions and positions, and says where they landed',
    run: async ({ store }) => {
      const [a, b, c] = [happened(1), happened(2), happened(3)]
      const first = await appended(store, unit('s-1', 0, [a!, b!]))
      const second = await appended(store, unit('s-2', 0, [c!]))
      expect(first.slices).toEqual([{ version: 2, position: 2 }])
      expect(second.slices).toEqual([{ version: 1, position: 3 }])
      expect(await all(store)).toEqual([
        { ...a!, stream: 's-1', version: 1, position: 1, at: first.at },
        { ...b!, stream: 's-1', version: 2, position: 2, at: first.at },
        { ...c!, stream: 's-2', version: 1, position: 3, at: second.at },
      ])
      expect(await store.head()).toBe(3)
    },
  },
  {
    title: 'records the units of an append in their order, and the slices of a unit in theirs',
    run: async ({ store }) => {
      const units = [
        { slices: [slice('s-b', 0, 2), slice('s-a', 0, 1)], keys: [] },
        { slices: [slice('s-d', 0, 1), slice('s-c', 'any', 2)], keys: [] },
      ]
      const outcomes = await store.append(units)
      const found = await all(store)
      expect(found.map(({ stream, version }) => `${stream}@${version}`)).toEqual([
        's-b@1',
        's-b@2',
        's-a@1',
        's-d@1',
        's-c@1',
        's-c@2',
      ])
      expect(found.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6])
      expect(found.map(({ id }) => id)).toEqual(
        units.flatMap(({ slices }) => slices.flatMap(({ events }) => events.map(e => e.id))),
      )
      expect(outcomes.map(outcome => (outcome.outcome === 'appended' ? outcome.slices : null))).toEqual([
        [
          { version: 2, position: 2 },
          { version: 1, position: 3 },
        ],
        [
          { version: 1, position: 4 },
          { version: 2, position: 6 },
        ],
      ])
    },
  },
  {
    title: 'never shows a reader that has passed a position an event at or below it, however many write',
    run: async ({ store }) => {
      let writing = true
      const writers = many(async i => {
        for (let version = 0; version < 4; version++) await appended(store, unit(`s-${i}`, version, [happened(version)]))
        return []
      }).finally(() => {
        writing = false
      })
      const seen: StoredEvent[] = []
      for (let ended = false; !ended; ) {
        // Asked before the page is: what was answered by then has to be in this page or the one before.
        const last = !writing
        const page = await store.readAll({ after: seen.at(-1)?.position ?? 0, limit: 7 })
        seen.push(...page)
        ended = last && page.length === 0
      }
      await writers
      expect(seen).toEqual([...(await all(store))])
      expect(seen.length).toBe(CALLERS * 4)
      expect(seen.every(({ position }, i) => i === 0 || position > seen[i - 1]!.position)).toBeTrue()
    },
  },
]

const expectations: readonly Case[] = [
  {
    title: 'appends at exactly the version expected',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1), happened(2)]))
      expect((await appended(store, unit('s-1', 2, [happened(3)]))).slices).toEqual([{ version: 3, position: 3 }])
    },
  },
  {
    title: 'refuses another version than the one expected, below and above, and tells the actual one',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1), happened(2)]))
      for (const version of [0, 1, 3, 4_000_000_000])
        expect(await conflict(store, unit('s-1', version, [happened(3)]))).toMatchObject({ expected: version, actual: 2 })
      expect(await store.head()).toBe(2)
    },
  },
  {
    title: 'appends to a stream that must not exist, and refuses one that does',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1)]))
      expect(await conflict(store, unit('s-1', 0, [happened(2)]))).toMatchObject({ stream: 's-1', expected: 0, actual: 1 })
      expect(await store.head()).toBe(1)
    },
  },
  {
    title: 'appends to a stream that must exist, and refuses one that does not',
    run: async ({ store }) => {
      expect(await conflict(store, unit('s-1', 'exists', [happened(1)]))).toEqual({
        stream: 's-1',
        expected: 'exists',
        actual: 0,
        missed: null,
      })
      expect(await store.head()).toBe(0)
      await appended(store, unit('s-1', 0, [happened(1)]))
      expect((await appended(store, unit('s-1', 'exists', [happened(2)]))).slices).toEqual([{ version: 2, position: 2 }])
    },
  },
  {
    title: 'appends to any stream, whether it exists or not',
    run: async ({ store }) => {
      expect((await appended(store, unit('s-1', 'any', [happened(1)]))).slices).toEqual([{ version: 1, position: 1 }])
      expect((await appended(store, unit('s-1', 'any', [happened(2)]))).slices).toEqual([{ version: 2, position: 2 }])
    },
  },
  {
    title: `lets exactly one of ${CALLERS} callers create a stream`,
    run: async ({ store }) => {
      const outcomes = await many(i => store.append([unit('s-1', 0, [happened(i)])]))
      expect(counted(outcomes)).toEqual({ appended: 1, conflict: CALLERS - 1 })
      expect(await store.read('s-1', { after: 0, limit: 10 })).toHaveLength(1)
    },
  },
  {
    title: `gives ${CALLERS} callers that do not mind the version one version each`,
    run: async ({ store }) => {
      const outcomes = await many(i => store.append([unit('s-1', 'any', [happened(i)])]))
      const versions = outcomes.map(outcome => (outcome.outcome === 'appended' ? outcome.slices[0]!.version : 0))
      expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: CALLERS }, (_, i) => i + 1))
    },
  },
]

const atomicity: readonly Case[] = [
  {
    title: 'appends to several streams at once',
    run: async ({ store }) => {
      const { slices } = await appended(store, { slices: [slice('s-1', 0, 2), slice('s-2', 0, 1)], keys: [] })
      expect(slices).toEqual([
        { version: 2, position: 2 },
        { version: 1, position: 3 },
      ])
    },
  },
  {
    title: 'appends nothing of a unit of which one slice fails, whichever it is',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1)]))
      for (const slices of [
        [slice('s-2', 0), slice('s-1', 0), slice('s-3', 0)],
        [slice('s-1', 0), slice('s-2', 0)],
        [slice('s-2', 0), slice('s-1', 0)],
      ])
        expect(await conflict(store, { slices, keys: [newKey('k', 's-2', 1, 1)] })).toMatchObject({ stream: 's-1', actual: 1 })
      expect(await store.head()).toBe(1)
      expect((await store.load([{ stream: 's-2', after: 0 }], ['k'])).keys).toEqual([])
    },
  },
  {
    title: 'names every slice that fails, and no other',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1)]))
      const [outcome] = await store.append([
        { slices: [slice('s-1', 0), slice('s-2', 'any'), slice('s-3', 'exists'), slice('s-4', 7)], keys: [] },
      ])
      const conflicts = outcome?.outcome === 'conflict' ? outcome.conflicts : []
      expect(conflicts.map(({ stream, expected, actual }) => ({ stream, expected, actual }))).toEqual([
        { stream: 's-1', expected: 0, actual: 1 },
        { stream: 's-3', expected: 'exists', actual: 0 },
        { stream: 's-4', expected: 7, actual: 0 },
      ])
    },
  },
  {
    title: "gives each unit its own outcome: a neighbour's conflict or known key fails nobody else",
    run: async ({ store }) => {
      await appended(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
      const outcomes = await store.append([
        unit('s-2', 0, [happened(1)]),
        unit('s-1', 0, [happened(2)]),
        { slices: [slice('s-3', 0, 2), slice('s-4', 0)], keys: [newKey('k2', 's-3', 2, 2)] },
        { slices: [slice('s-5', 0)], keys: [newKey('k', 's-5', 1, 1)] },
        { slices: [slice('s-6', 0), slice('s-7', 'exists')], keys: [] },
        unit('s-8', 'any', [happened(3)]),
      ])
      expect(outcomes.map(({ outcome }) => outcome)).toEqual([
        'appended',
        'conflict',
        'appended',
        'duplicate',
        'conflict',
        'appended',
      ])
      const found = (await all(store)).slice(1)
      expect(found.map(({ stream, version }) => `${stream}@${version}`)).toEqual(['s-2@1', 's-3@1', 's-3@2', 's-4@1', 's-8@1'])
      const ends = outcomes.flatMap(outcome =>
        outcome.outcome === 'appended' ? outcome.slices.map(({ position }) => position) : [],
      )
      expect(ends).toEqual([0, 2, 3, 4].map(i => found[i]!.position))
      expect(await store.head()).toBe(found.at(-1)!.position)
      // Positions follow each other, also behind a unit that failed.
      expect(found.map(({ position }) => position)).toEqual([2, 3, 4, 5, 6])
      expect((await store.load([], ['k2'])).keys).toMatchObject([{ key: 'k2', version: 2, position: found[2]!.position }])
    },
  },
  {
    title: 'takes an empty list of units',
    run: async ({ store }) => {
      expect(await store.append([])).toEqual([])
      expect(await store.head()).toBe(0)
    },
  },
]

const checks: readonly Case[] = [
  {
    title: 'only checks a slice without events, and tells its version',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1), happened(2)]))
      for (const expected of [2, 'exists', 'any'] as const)
        expect((await appended(store, unit('s-1', expected, []))).slices).toEqual([{ version: 2, position: 0 }])
      expect((await appended(store, unit('s-2', 0, []))).slices).toEqual([{ version: 0, position: 0 }])
      expect(await store.head()).toBe(2)
    },
  },
  {
    title: 'refuses a slice without events as it does one with events',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1), happened(2)]))
      const missed = (await all(store)).slice(1)
      expect(await conflict(store, unit('s-1', 1, []))).toEqual({ stream: 's-1', expected: 1, actual: 2, missed })
      expect(await conflict(store, unit('s-2', 'exists', []))).toMatchObject({ expected: 'exists', actual: 0 })
      const outcomes = await store.append([unit('s-1', 2, []), unit('s-2', 1, []), unit('s-3', 0, [])])
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['appended', 'conflict', 'appended'])
    },
  },
  {
    title: 'appends to one stream only if another, to which nothing is appended, is as expected',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1)]))
      expect(await conflict(store, { slices: [slice('s-1', 0, 0), slice('s-2', 0)], keys: [] })).toMatchObject({ stream: 's-1' })
      const { slices } = await appended(store, { slices: [slice('s-1', 1, 0), slice('s-2', 0)], keys: [] })
      expect(slices).toEqual([
        { version: 1, position: 0 },
        { version: 1, position: 2 },
      ])
    },
  },
]

const conflicts: readonly Case[] = [
  {
    title: 'sends with a conflict the events that were missed, byte for byte',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened('before'), ...TEXTS.map(written)]))
      const { missed } = await conflict(store, unit('s-1', 1, [happened(2)]))
      expect(missed).toEqual(await store.read('s-1', { after: 1, limit: 1_000 }))
      expect(missed?.map(({ data }) => data)).toEqual(TEXTS)
    },
  },
  {
    title: 'sends up to 256 KiB of missed events, and beyond that only the version',
    run: async ({ store }) => {
      const large = () => happened('x'.repeat(60_000))
      await appended(store, unit('s-1', 0, [large(), large(), large(), large()]))
      expect((await conflict(store, unit('s-1', 0, []))).missed).toHaveLength(4)
      await appended(store, unit('s-1', 4, [large()]))
      expect(await conflict(store, unit('s-1', 0, [happened(1)]))).toMatchObject({ actual: 5, missed: null })
      expect(await conflict(store, unit('s-1', 0, []))).toMatchObject({ actual: 5, missed: null })
      expect((await conflict(store, unit('s-1', 1, [happened(1)]))).missed).toHaveLength(4)
      // The store goes on as before: reading what was too much is at an end.
      await appended(store, unit('s-1', 5, [happened(1)]))
    },
  },
  {
    title: 'sends no events where nothing was missed, or no exact version was expected',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, [happened(1)]))
      expect(await conflict(store, unit('s-1', 2, [happened(2)]))).toMatchObject({ actual: 1, missed: null })
      expect(await conflict(store, unit('s-2', 'exists', [happened(2)]))).toMatchObject({ actual: 0, missed: null })
    },
  },
  {
    title: 'makes a unit that is said again after an unknown outcome recognisable: what it missed has its own ids',
    run: async ({ store, reopen }) => {
      const said = { slices: [slice('s-1', 0, 3), slice('s-2', 0, 1)], keys: [] }
      await store.append([said])
      const [again] = await (await reopen()).append([said])
      expect(again?.outcome).toBe('conflict')
      const missed = again?.outcome === 'conflict' ? again.conflicts.map(({ missed }) => missed?.map(({ id }) => id)) : []
      expect(missed).toEqual(said.slices.map(({ events }) => events.map(({ id }) => id)))
    },
  },
]

const keys: readonly Case[] = [
  {
    title: 'stores a key with what was accepted, and tells it instead of appending again',
    run: async ({ store }) => {
      const key = newKey('k', 's-1', 2, 2)
      await appended(store, unit('s-0', 0, [happened(0)]))
      await appended(store, { slices: [slice('s-1', 0, 2)], keys: [key] })
      const { keepMs: _, ...stored } = { ...key, position: 3 }
      expect((await store.load([], ['k'])).keys).toMatchObject([stored])
      const again = [
        { slices: [slice('s-1', 0, 2)], keys: [key] },
        { slices: [slice('s-9', 'any')], keys: [{ ...key, fingerprint: 'another', stream: 's-9' }] },
      ]
      for (const unit of again) expect(await store.append([unit])).toMatchObject([{ outcome: 'duplicate', keys: [stored] }])
      expect(await store.head()).toBe(3)
    },
  },
  {
    title: 'stores a key with a rejection, byte for byte, where nothing else is written',
    run: async ({ store, reopen }) => {
      await appended(store, unit('s-1', 0, [happened(1)]))
      const key = { ...newKey('k', 's-1', 1, 0), rejection: '{"code":"sold-out","data":{"why":"\\u0000 絵巻 \'\\"$$"}}' }
      expect((await appended(store, { slices: [slice('s-1', 1, 0)], keys: [key] })).slices).toEqual([{ version: 1, position: 0 }])
      const { keepMs: _, ...stored } = { ...key, position: 0 }
      const reopened = await reopen()
      expect((await reopened.load([], ['k'])).keys).toMatchObject([stored])
      const [again] = await reopened.append([{ slices: [slice('s-1', 1)], keys: [key] }])
      expect(again).toMatchObject({ outcome: 'duplicate', keys: [stored] })
      expect(await reopened.head()).toBe(1)
    },
  },
  {
    title: 'stores no key with what conflicts',
    run: async ({ store }) => {
      await conflict(store, { slices: [slice('s-1', 5)], keys: [newKey('k', 's-1', 6, 1)] })
      await conflict(store, { slices: [slice('s-1', 5, 0)], keys: [newKey('k', 's-1', 5, 0)] })
      expect((await store.load([], ['k'])).keys).toEqual([])
      await appended(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
    },
  },
  {
    title: 'tells a known key before it looks at expectations',
    run: async ({ store }) => {
      await appended(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
      const [outcome] = await store.append([{ slices: [slice('s-1', 77)], keys: [newKey('k', 's-1', 78, 1)] }])
      expect(outcome).toMatchObject({ outcome: 'duplicate', keys: [{ key: 'k', version: 1 }] })
    },
  },
  {
    title: 'appends nothing of a unit that has one known key among new ones, and stores none of them',
    run: async ({ store }) => {
      await appended(store, { slices: [slice('s-1', 0)], keys: [newKey('k1', 's-1', 1, 1)] })
      const unit = { slices: [slice('s-1', 1, 2)], keys: [newKey('k2', 's-1', 2, 1), newKey('k1', 's-1', 3, 1)] }
      expect(await store.append([unit])).toMatchObject([{ outcome: 'duplicate', keys: [{ key: 'k1', version: 1, position: 1 }] }])
      expect((await store.load([], ['k2'])).keys).toEqual([])
      expect(await store.head()).toBe(1)
    },
  },
  {
    title: 'gives each key of a chain the position of its own last event',
    run: async ({ store }) => {
      await appended(store, unit('s-0', 0, [happened(0), happened(1)]))
      await appended(store, unit('s-1', 0, [happened(0)]))
      const chain = [newKey('a', 's-1', 2, 1), newKey('b', 's-1', 2, 0), newKey('c', 's-1', 4, 2), newKey('d', 's-1', 5, 1)]
      await appended(store, { slices: [slice('s-1', 1, 4)], keys: chain })
      const found = (await store.load([], ['d', 'c', 'b', 'a'])).keys.map(({ key, position }) => [key, position] as const)
      expect(Object.fromEntries(found)).toEqual({ a: 4, b: 0, c: 6, d: 7 })
    },
  },
  {
    title: `lets exactly one of ${CALLERS} callers use a key, and tells the others what it stands for`,
    run: async ({ store }) => {
      const outcomes = await many(i => store.append([{ slices: [slice(`s-${i}`, 0)], keys: [newKey('k', `s-${i}`, 1, 1)] }]))
      expect(counted(outcomes)).toEqual({ appended: 1, duplicate: CALLERS - 1 })
      const [event] = await all(store)
      const told = outcomes.flatMap(outcome => (outcome.outcome === 'duplicate' ? outcome.keys : []))
      expect(told.every(({ stream, position }) => stream === event!.stream && position === event!.position)).toBeTrue()
      expect(await store.head()).toBe(event!.position)
    },
  },
  {
    title: 'knows a key until its time is over; then it can be used for something else',
    run: async ({ store, advance }) => {
      await appended(store, { slices: [slice('s-1', 0)], keys: [{ ...newKey('k', 's-1', 1, 1), keepMs: HOUR_MS }] })
      await advance(HOUR_MS / 2)
      expect((await store.load([], ['k'])).keys).toHaveLength(1)
      await advance(HOUR_MS)
      expect((await store.load([], ['k'])).keys).toEqual([])
      const key = { ...newKey('k', 's-2', 1, 1), fingerprint: 'another', keepMs: HOUR_MS }
      await appended(store, { slices: [slice('s-2', 0)], keys: [key] })
      expect((await store.load([], ['k'])).keys).toMatchObject([{ stream: 's-2', fingerprint: 'another', position: 2 }])
    },
  },
  {
    title: 'keeps a key for ever whose time has no end, and deletes those whose time is over, telling how many',
    run: async ({ store, advance }) => {
      for (const [name, keepMs] of [['a', HOUR_MS], ['b', HOUR_MS], ['c', null], ['d', 1_000 * HOUR_MS]] as const) // biome-ignore format: one table
        await appended(store, { slices: [slice(`s-${name}`, 0)], keys: [{ ...newKey(name, `s-${name}`, 1, 1), keepMs }] })
      expect(await store.forgetKeys()).toBe(0)
      await advance(2 * HOUR_MS)
      expect(await store.forgetKeys()).toBe(2)
      expect(await store.forgetKeys()).toBe(0)
      const left = (await store.load([], ['a', 'b', 'c', 'd'])).keys.map(({ key }) => key)
      expect(left.toSorted()).toEqual(['c', 'd'])
    },
  },
]

/** Payloads that some store could be tempted to change. */
const TEXTS = [
  '{"b":1,"a":2,"b2":1.0,"n":1e2,"s":1E-7}',
  '{ "spaces" : [ 1 ,2 ] }',
  '{"nul":"\\u0000","escaped":"\\u00e9\\ud83d\\ude00","slash":"\\/"}',
  '{"絵巻":"é é ß İ 😀 𝔘 \u2028\u2029 \ufeff\u200d"}',
  `{"quotes":"'' \\" \`\` $$ $1 \${x} %s ?1 :a @b"}`,
  '{"backslashes":"\\\\ \\\\n \\\\u0000 \\n\\t\\r"}',
  '{"__proto__":{"x":1},"constructor":2,"toString":3}',
  '"a text"',
  'null',
  '[]',
  '0.1000000000000000055511151231257827',
  '123456789012345678901234567890',
]

const bytes: readonly Case[] = [
  {
    title: 'gives back data and meta byte for byte, by stream and by log',
    run: async ({ store, reopen }) => {
      await appended(store, unit('s-1', 0, TEXTS.map(written)))
      const found = [await all(store), await store.read('s-1', { after: 0, limit: 1_000 })]
      const reopened = await reopen()
      for (const events of [...found, await all(reopened), await reopened.read('s-1', { after: 0, limit: 1_000 })]) {
        expect(events.map(({ data }) => data)).toEqual(TEXTS)
        expect(events.map(({ meta }) => meta)).toEqual(TEXTS.map(metaOf))
      }
    },
  },
  {
    title: 'loads data as its text parses',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, TEXTS.map(written)))
      const { streams } = await store.load([{ stream: 's-1', after: 0 }], [])
      expect(streams[0]!.facts.map(({ data }) => JSON.stringify(data))).toEqual(
        TEXTS.map(text => JSON.stringify(JSON.parse(text))),
      )
      expect(streams[0]!.facts.every(({ type, schema }) => type === 'Happened' && schema === 'abcdefghij')).toBeTrue()
    },
  },
  {
    title: 'gives back any JSON',
    run: async ({ store }) => {
      let stream = 0
      await fc.assert(
        fc.asyncProperty(fc.array(fc.jsonValue({ stringUnit: 'binary' }), { minLength: 1, maxLength: 20 }), async values => {
          const events = values.map(value => happened(value))
          const name = `s-${stream++}`
          await appended(store, unit(name, 0, events))
          const found = await store.read(name, { after: 0, limit: 100 })
          expect(found.map(({ data }) => data)).toEqual(events.map(({ data }) => data))
          const { streams } = await store.load([{ stream: name, after: 0 }], [])
          expect(streams[0]!.facts.map(({ data }) => data)).toEqual(events.map(({ data }) => JSON.parse(data)))
        }),
        { numRuns: 15 },
      )
    },
  },
  {
    title: 'takes a payload of a MiB',
    run: async ({ store }) => {
      const event = happened(`絵${'x'.repeat(1_048_000)}`)
      await appended(store, unit('s-1', 0, [event]))
      const [found] = await store.read('s-1', { after: 0, limit: 1 })
      expect(found!.data === event.data).toBeTrue()
      expect((await conflict(store, unit('s-1', 0, []))).missed).toBeNull()
    },
  },
  {
    title: 'keeps streams apart, however they are named',
    run: async ({ store, reopen }) => {
      const names = [
        'toString', '__proto__', 'constructor', "it's", '"quoted"', '$$', '$1', 'a,b', '{a}', '{a,"b"}', 'back\\slash', '\\', '%', '_',
        'a b', ' a', 'a ', 'NULL', 'null', 'a/b', 'a-b', '', 'A', 'a', 'ä', 'a\u0308', '絵巻', '𝔘', '😀', 'a\tb', 'a\nb', 'x'.repeat(200),
      ].map(id => `s-${id}`) // biome-ignore format: one list
      await store.append(names.map(name => unit(name, 0, [happened(name)])))
      const reopened = await reopen()
      for (const name of names) {
        const found = await reopened.read(name, { after: 0, limit: 10 })
        expect(found.map(({ stream, data }) => [stream, JSON.parse(data)])).toEqual([[name, name]])
      }
      const { streams } = await reopened.load(
        names.map(stream => ({ stream, after: 0 })),
        [],
      )
      expect(streams.map(({ facts }) => facts[0]?.data)).toEqual(names)
    },
  },
  {
    title: 'knows keys however they are named',
    run: async ({ store }) => {
      const names = [
        "it's",
        '"quoted"',
        'a,b',
        '{a}',
        'back\\slash',
        '',
        ' ',
        'A',
        'a',
        'ä',
        'a\u0308',
        '絵😀',
        '__proto__',
        'a\nb',
      ].map(name => `client:${name}`)
      const units = names.map((name, i) => ({ slices: [slice(`s-${i}`, 0)], keys: [newKey(name, `s-${i}`, 1, 1)] }))
      expect(counted(await store.append(units))).toEqual({ appended: names.length })
      const { keys } = await store.load([{ stream: 's-1', after: 0 }], names)
      const streams = new Map(keys.map(({ key, stream }) => [key, stream]))
      expect(names.map(name => streams.get(name))).toEqual(names.map((_, i) => `s-${i}`))
    },
  },
]

const time: readonly Case[] = [
  {
    title: 'stamps an append with one time, in UTC, which never goes back though the clock does',
    run: async ({ store, advance, reopen }) => {
      const stamps: string[] = []
      const stamp = async (store: Store) => {
        const { at } = await appended(store, unit('s-1', 'any', [happened(1), happened(2)]))
        stamps.push(at)
      }
      await stamp(store)
      await advance(HOUR_MS)
      await stamp(store)
      await advance(-2 * HOUR_MS)
      await stamp(store)
      const reopened = await reopen()
      await stamp(reopened)
      expect(stamps).toEqual(stamps.toSorted())
      expect(stamps.every(at => new Date(at).toISOString() === at)).toBeTrue()
      expect((await all(reopened)).map(({ at }) => at)).toEqual(stamps.flatMap(at => [at, at]))
    },
  },
]

const reading: readonly Case[] = [
  {
    title: 'pages through a stream: after a version, at most so many',
    run: async ({ store }) => {
      await appended(
        store,
        unit(
          's-1',
          0,
          Array.from({ length: 5 }, (_, i) => happened(i)),
        ),
      )
      await appended(store, unit('s-2', 0, [happened('another')]))
      const page = async (after: number, limit: number) =>
        (await store.read('s-1', { after, limit })).map(({ version }) => version)
      expect(await page(0, 2)).toEqual([1, 2])
      expect(await page(2, 2)).toEqual([3, 4])
      expect(await page(4, 2)).toEqual([5])
      expect(await page(5, 2)).toEqual([])
      expect(await page(99, 2)).toEqual([])
    },
  },
  {
    title: 'pages through the log: after a position, at most so many',
    run: async ({ store }) => {
      for (let i = 0; i < 5; i++) await appended(store, unit(`s-${i}`, 0, [happened(i)]))
      const page = async (after: number, limit: number) => (await store.readAll({ after, limit })).map(({ position }) => position)
      expect(await page(0, 2)).toEqual([1, 2])
      expect(await page(2, 2)).toEqual([3, 4])
      expect(await page(4, 2)).toEqual([5])
      expect(await page(5, 2)).toEqual([])
      expect(await page(99, 2)).toEqual([])
    },
  },
  {
    title: 'pages through the log up to a position and none above it',
    run: async ({ store }) => {
      for (let i = 0; i < 5; i++) await appended(store, unit(`s-${i}`, 0, [happened(i)]))
      const page = async (after: number, until: number, limit = 10) =>
        (await store.readAll({ after, until, limit })).map(({ position }) => position)
      expect(await page(0, 3)).toEqual([1, 2, 3])
      expect(await page(1, 3)).toEqual([2, 3])
      expect(await page(1, 4, 2)).toEqual([2, 3])
      expect(await page(3, 3)).toEqual([])
      expect(await page(4, 3)).toEqual([])
      expect(await page(0, 0)).toEqual([])
      expect(await page(3, 99)).toEqual([4, 5])
    },
  },
  {
    title: 'ends a page of the log with the event that brings its payloads to a size, which it always holds',
    run: async ({ store }) => {
      const sized = (size: number): NewEvent => ({ ...happened(''), data: JSON.stringify('x'.repeat(size - 2)) })
      const wide = { ...happened(''), type: 'Wide', data: JSON.stringify('é'.repeat(49)) }
      await appended(store, unit('s-1', 0, [sized(10), sized(10), sized(100_000), sized(10), wide, sized(10)]))
      const page = async (after: number, sizeMax: number, options: Partial<ReadAllOptions> = {}) =>
        (await store.readAll({ after, limit: 10, sizeMax, ...options })).map(({ position }) => position)
      expect(await page(0, 1_000_000)).toEqual([1, 2, 3, 4, 5, 6])
      expect(await page(0, 19)).toEqual([1, 2])
      expect(await page(0, 20)).toEqual([1, 2])
      expect(await page(0, 21)).toEqual([1, 2, 3])
      expect(await page(2, 1)).toEqual([3])
      // Bytes: 98 of its characters' and two quotes.
      expect(await page(3, 110)).toEqual([4, 5])
      expect(await page(3, 111)).toEqual([4, 5, 6])
      expect(await page(0, 21, { limit: 2 })).toEqual([1, 2])
      expect(await page(0, 1_000_000, { until: 3 })).toEqual([1, 2, 3])
      const filter: Filter = new Map([['s', ['Wide', 'Happened']]])
      expect(await page(0, 21, { filter })).toEqual([1, 2, 3])
      expect(await page(6, 21, { filter })).toEqual([])
      const events = await store.readAll({ after: 3, limit: 10, sizeMax: 110 })
      expect(isFull(events, { limit: 10, sizeMax: 110 })).toBe(true)
      expect(isFull(events, { limit: 10, sizeMax: 111 })).toBe(false)
      expect(isFull(events, { limit: 2 })).toBe(true)
      expect(events).toEqual((await store.readAll({ after: 3, limit: 2 })) as StoredEvent[])
    },
  },
  {
    title: 'reads of the log only the types asked for, of each category its own, or all of a category',
    run: async ({ store }) => {
      const typed = (type: string): NewEvent => ({ ...happened(type), type })
      // Payment has a type of the same name, and there are categories whose names begin as another's does.
      for (const [stream, ...types] of [
        ['order-1', 'Placed', 'Cancelled'],
        ['payment-1', 'Placed', 'Taken'],
        ['orders-1', 'Placed'],
        ['order-2-Placed', 'Placed', 'Paid'],
        ['order', 'Placed'],
        ['order_x-1', 'Placed'],
        // The characters before and behind `-`.
        ['order,1-1', 'Placed'],
        ['order.1-1', 'Placed'],
        ['order-\u{10ffff}', 'Sent'],
      ] as const)
        await appended(store, unit(stream, 0, types.map(typed)))
      const read = async (filter: Filter, options: Partial<ReadAllOptions> = {}) =>
        (await store.readAll({ after: 0, limit: 10, filter, ...options })).map(({ stream, type }) => `${stream} ${type}`)
      expect(await read(new Map([['order', ['Placed']]]))).toEqual(['order-1 Placed', 'order-2-Placed Placed', 'order Placed'])
      expect(await read(new Map([['order', ['Placed']], ['payment', ['Taken']]]))).toEqual([
        'order-1 Placed',
        'payment-1 Taken',
        'order-2-Placed Placed',
        'order Placed',
      ]) // biome-ignore format: one list
      expect(await read(new Map([['payment', null]]))).toEqual(['payment-1 Placed', 'payment-1 Taken'])
      expect(await read(new Map<string, string[] | null>([['payment', null], ['order', ['Paid', 'Cancelled', 'None']]]))).toEqual([
        'order-1 Cancelled',
        'payment-1 Placed',
        'payment-1 Taken',
        'order-2-Placed Paid',
      ]) // biome-ignore format: one list
      expect(await read(new Map([['order', ['Sent']]]))).toEqual(['order-\u{10ffff} Sent'])
      for (const filter of [new Map(), new Map([['order', []]]), new Map([['none', null]]), new Map([['ord', null]])])
        expect(await read(filter)).toEqual([])
      const placed: Filter = new Map([['order', ['Placed']], ['payment', ['Placed']]]) // biome-ignore format: one list
      expect(await read(placed, { limit: 2 })).toEqual(['order-1 Placed', 'payment-1 Placed'])
      expect(await read(placed, { after: 3, limit: 1 })).toEqual(['order-2-Placed Placed'])
      expect(await read(placed, { after: 1, until: 5 })).toEqual(['payment-1 Placed'])
      expect((await store.readAll({ after: 3, limit: 1, filter: placed }))[0]).toEqual(
        (await store.read('order-2-Placed', { after: 0, limit: 1 }))[0]!,
      )
    },
  },
  {
    title: 'loads what is after a version, with the version and position of the whole stream',
    run: async ({ store }) => {
      await appended(store, unit('s-1', 0, ['a', 'b', 'c'].map(happened)))
      const load = async (after: number) => (await store.load([{ stream: 's-1', after }], [])).streams[0]!
      expect(await load(1)).toEqual({
        snapshot: null,
        facts: ['b', 'c'].map(data => ({ type: 'Happened', schema: 'abcdefghij', data })),
        version: 3,
        position: 3,
        more: false,
        size: 6,
      })
      expect(await load(3)).toEqual({ snapshot: null, facts: [], version: 3, position: 3, more: false, size: 0 })
    },
  },
  {
    title: 'loads a long stream in parts, and says that there is more',
    run: async ({ store }) => {
      await appended(
        store,
        unit(
          's-1',
          0,
          Array.from({ length: LOAD_FACTS_MAX + 2 }, (_, i) => happened(i)),
        ),
      )
      const first = (await store.load([{ stream: 's-1', after: 0 }], [])).streams[0]!
      expect(first).toMatchObject({ version: LOAD_FACTS_MAX + 2, position: LOAD_FACTS_MAX + 2, more: true })
      expect(first.facts.map(({ data }) => data)).toEqual(Array.from({ length: LOAD_FACTS_MAX }, (_, i) => i))
      const rest = (await store.load([{ stream: 's-1', after: LOAD_FACTS_MAX }], [])).streams[0]!
      expect(rest).toMatchObject({ version: LOAD_FACTS_MAX + 2, more: false })
      expect(rest.facts.map(({ data }) => data)).toEqual([LOAD_FACTS_MAX, LOAD_FACTS_MAX + 1])
      const exact = (await store.load([{ stream: 's-1', after: 2 }], [])).streams[0]!
      expect(exact).toMatchObject({ more: false })
    },
  },
  {
    title: 'loads streams, snapshots and keys with one call, streams in the order asked',
    run: async ({ store }) => {
      await appended(store, { slices: [slice('s-1', 0, 3)], keys: [newKey('k', 's-1', 3, 3)] })
      await appended(store, unit('s-2', 0, [happened('x')]))
      await store.saveSnapshots([{ stream: 's-1', schema: 1, version: 2, state: '{"n":2}' }])
      const { streams, keys } = await store.load(
        [
          { stream: 's-2', after: 0, snapshot: 1 },
          { stream: 's-9', after: 0, snapshot: 1 },
          { stream: 's-1', after: 0, snapshot: 1 },
        ],
        ['unknown', 'k'],
      )
      expect(streams.map(({ version, snapshot, facts }) => [version, snapshot, facts.length])).toEqual([
        [1, null, 1],
        [0, null, 0],
        [3, { version: 2, state: { n: 2 } }, 1],
      ])
      expect(keys.map(({ key, position }) => [key, position])).toEqual([['k', 3]])
    },
  },
  {
    title: 'lists the streams that have events by name, each with its version, position and time: behind a name, at most so many',
    run: async ({ store }) => {
      // Names around the bounds of a category, and beyond the 16 bits of a character.
      const names = ['s-1', 's-10', 's-2', 's-\u{1f600}', 's-\uffee', 's', 's.x-1', 'r-1', 'sr-1', 't-1']
      const landed = new Map<string, { version: number; position: number; at: string }>()
      for (const [i, stream] of names.entries()) {
        const { slices, at } = await appended(
          store,
          unit(
            stream,
            0,
            Array.from({ length: 1 + (i % 3) }, (_, n) => happened(n)),
          ),
        )
        landed.set(stream, { ...slices[0]!, at })
      }
      const { slices, at } = await appended(store, unit('s-1', 1, [happened(1)]))
      landed.set('s-1', { ...slices[0]!, at })
      const sorted = ['r-1', 's', 's-1', 's-10', 's-2', 's-\uffee', 's-\u{1f600}', 's.x-1', 'sr-1', 't-1']
      const all = sorted.map(stream => ({ stream, ...landed.get(stream)! }))
      expect(await store.streams({ after: '', limit: 100 })).toEqual(all)
      expect(await store.streams({ after: 's-1', limit: 2 })).toEqual(all.slice(3, 5))
      expect(await store.streams({ after: 's-1a', limit: 1 })).toEqual(all.slice(4, 5))
      expect(await store.streams({ after: '', limit: 100, category: 's' })).toEqual(all.slice(2, 7))
      expect(await store.streams({ after: 's-2', limit: 100, category: 's' })).toEqual(all.slice(5, 7))
      expect(await store.streams({ after: 'z', limit: 100 })).toEqual([])
      expect(await store.streams({ after: '', limit: 100, category: 'none' })).toEqual([])
    },
  },
]

const snapshots: readonly Case[] = [
  {
    title: 'takes up a snapshot only of the schema version asked for, and only where it is newer than what is known',
    run: async ({ store, reopen }) => {
      await appended(store, unit('s-1', 0, [happened(1), happened(2), happened(3)]))
      const state = { text: '絵巻 \u0000 \' " \\ $$', list: [1, null, { a: [] }] }
      await store.saveSnapshots([{ stream: 's-1', schema: 2, version: 2, state: JSON.stringify(state) }])
      const reopened = await reopen()
      const load = async (after: number, snapshot?: number) =>
        (await reopened.load([{ stream: 's-1', after, snapshot }], [])).streams[0]!
      expect(await load(0, 2)).toMatchObject({ snapshot: { version: 2, state }, version: 3, position: 3, more: false })
      expect((await load(0, 2)).facts.map(({ data }) => data)).toEqual([3])
      for (const [after, snapshot] of [[0, 1], [0, 3], [0, undefined], [2, 2], [3, 2]] as const) // biome-ignore format: one table
        expect(await load(after, snapshot)).toMatchObject({ snapshot: null, facts: { length: 3 - after } })
    },
  },
  {
    title: 'never puts an older snapshot over a newer one, and keeps one for each schema version',
    run: async ({ store }) => {
      await appended(
        store,
        unit(
          's-1',
          0,
          Array.from({ length: 9 }, (_, i) => happened(i)),
        ),
      )
      const save = (schema: number, version: number) =>
        store.saveSnapshots([{ stream: 's-1', schema, version, state: JSON.stringify({ version }) }])
      const load = async (snapshot: number) =>
        (await store.load([{ stream: 's-1', after: 0, snapshot }], [])).streams[0]!.snapshot
      await save(1, 5)
      await save(1, 3)
      expect(await load(1)).toEqual({ version: 5, state: { version: 5 } })
      await save(2, 4)
      await save(1, 7)
      expect(await load(1)).toEqual({ version: 7, state: { version: 7 } })
      expect(await load(2)).toEqual({ version: 4, state: { version: 4 } })
      await store.saveSnapshots([])
    },
  },
  {
    title: 'gives a state folded from a snapshot and what came after it equal to the state folded from all',
    run: async ({ store, reopen }) => {
      let runs = 0
      const writing = await runtime({ serve: [ledger], store })
      const streams: { readonly id: string; readonly commands: number }[] = []
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 12 }), async amounts => {
          const id = `l${runs++}`
          streams.push({ id, commands: amounts.length })
          for (const amount of amounts)
            expect(await writing.send(ledger.book(id, { amount }))).toMatchObject({ outcome: 'accepted' })
          await eventually(async () => (await snapshotVersion(store, id)) === lastSnapshot(amounts.length))
        }),
        { numRuns: 15 },
      )
      await writing.close()
      const reopened = await reopen()
      const reading = await runtime({ serve: [ledger], store: reopened })
      for (const { id, commands } of streams) {
        const facts = (await reopened.read(`ledger-${id}`, { after: 0, limit: 1_000 })).map(stored => ({
          ...stored,
          data: JSON.parse(stored.data) as unknown,
        }))
        const whole = fold(ledger[spec], `ledger-${id}`, { state: ledger[spec].initial, version: 0 }, facts)
        expect(await reading.state('ledger', id)).toMatchObject({ state: whole.state, version: commands })
        // The one who decides next starts from the snapshot too, and leaves the log as if there were none.
        const sent = await reading.send(ledger.book(id, { amount: 1 }))
        expect(sent).toMatchObject({ outcome: 'accepted', version: commands + 1, events: [{ data: { total: commands + 1 } }] })
        await eventually(async () => (await snapshotVersion(reopened, id)) === lastSnapshot(commands + 1))
      }
      await reading.close()
    },
  },
]

const EVERY = 3

/** A ledger whose events tell what the state was when they were decided. */
const Ledger = events('ledger', { Booked: z.object({ amount: z.int(), total: z.int() }) })
const ledger = decider(Ledger, {
  initial: { total: 0, sum: 0, last: [] as readonly number[], open: { at: null as number | null } },
  evolve: {
    Booked: (s, { amount, total }) => ({
      total,
      sum: s.sum + amount,
      last: [...s.last, amount].slice(-3),
      open: { at: s.sum + amount > 0 ? total : null },
    }),
  },
  commands: { book: z.object({ amount: z.int() }) },
  decide: { book: (s, { amount }) => Ledger.Booked({ amount, total: s.total + 1 }) },
  snapshot: { every: EVERY, version: 4 },
})

function lastSnapshot(version: number): number {
  return version - (version % EVERY)
}

async function snapshotVersion(store: Store, id: string): Promise<number> {
  return (await store.load([{ stream: `ledger-${id}`, after: 0, snapshot: 4 }], [])).streams[0]!.snapshot?.version ?? 0
}

const watching: readonly Case[] = [
  {
    title: 'tells who watches what is announced, until they have ended it',
    run: async ({ store }) => {
      const heard: [number[], number[]] = [[], []]
      const ends = await Promise.all(heard.map(heard => store.watch(head => head && heard.push(head))))
      store.announce(7)
      await waitFor(() => heard.every(heard => heard.includes(7)))
      await ends[0]!()
      store.announce(9)
      await waitFor(() => heard[1].includes(9))
      expect(heard[0]).not.toContain(9)
      await ends[1]!()
    },
  },
  {
    title: 'closes under those who watch, and takes an announcement that nobody hears',
    run: async ({ store }) => {
      store.announce(1)
      const end = await store.watch(() => {})
      await store.close()
      store.announce(2)
      await end()
    },
  },
]

const lifetime: readonly Case[] = [
  {
    title: 'has an identity that stays, and keeps what was answered',
    run: async ({ store, reopen }) => {
      const { id, epoch } = store.identity
      expect(id).toMatch(/^[0-9a-f-]{36}$/)
      expect(epoch).toBe(1)
      await appended(store, { slices: [slice('s-1', 0, 2)], keys: [newKey('k', 's-1', 2, 2)] })
      const before = await all(store)
      const reopened = await reopen()
      expect(reopened.identity).toEqual({ id, epoch })
      expect(await all(reopened)).toEqual(before)
      expect((await reopened.load([], ['k'])).keys).toHaveLength(1)
      await appended(reopened, unit('s-1', 2, [happened(3)]))
      expect(await reopened.head()).toBe(3)
    },
  },
  {
    title: 'has with each restore a later epoch, under which all that is there goes on',
    run: async ({ store, reopen }) => {
      await appended(store, { ...unit('s-1', 0, [happened(1)]), keys: [newKey('k', 's-1', 1, 1)] })
      await store.saveSnapshots([{ stream: 's-1', schema: 1, version: 1, state: '{}' }])
      const { id, epoch } = store.identity
      expect(await store.restored()).toEqual({ epoch: epoch + 1, keys: 0, snapshots: 0, entries: 0 })
      expect(store.identity).toEqual({ id, epoch: epoch + 1 })
      await store.restored()
      const reopened = await reopen()
      expect(reopened.identity).toEqual({ id, epoch: epoch + 2 })
      await appended(reopened, unit('s-1', 1, [happened(2)]))
      expect((await all(reopened)).map(({ position }) => position)).toEqual([1, 2])
      const { streams, keys } = await reopened.load([{ stream: 's-1', after: 0, snapshot: 1 }], ['k'])
      expect([streams[0]!.snapshot?.version, keys.length]).toEqual([1, 1])
    },
  },
  {
    title: 'answers a ping, and may be opened and closed again',
    run: async ({ store, reopen }) => {
      await store.ping()
      await store.open()
      const reopened = await reopen()
      await reopened.ping()
      await reopened.close()
      await reopened.close()
    },
  },
]

async function waitFor(condition: () => boolean): Promise<void> {
  for (const until = performance.now() + WAIT_MS; !condition(); await Bun.sleep(2))
    if (performance.now() > until) throw new Error(`not within ${WAIT_MS} ms`)
}

export const storeCases: readonly Case[] = [
  order, expectations, atomicity, checks, conflicts, keys, bytes, time, reading, snapshots, watching, lifetime,
].flat() // biome-ignore format: one list

function happened(data: unknown): NewEvent {
  return written(JSON.stringify(data))
}

function written(data: string): NewEvent {
  return { id: Bun.randomUUIDv7(), type: 'Happened', schema: 'abcdefghij', data, meta: metaOf(data) }
}

function metaOf(data: string): string {
  return data.length < 1_000 ? `{"correlation":"1","causation":${data}}` : '{}'
}

function unit(stream: string, expect: Expectation, events: readonly NewEvent[]): Unit {
  return { slices: [{ stream, expect, events }], keys: [] }
}

function slice(stream: string, expect: Expectation, many = 1): Slice {
  return { stream, expect, events: Array.from({ length: many }, (_, i) => happened(i)) }
}

function newKey(key: string, stream: string, version: number, count: number): NewKey {
  return { key, fingerprint: `print of ${key}`, stream, version, count, rejection: null, keepMs: null }
}

async function appended(store: Store, unit: Unit): Promise<UnitOutcome & { readonly outcome: 'appended' }> {
  const [outcome] = await store.append([unit])
  if (outcome?.outcome !== 'appended') throw new Error(`expected to be appended, found ${Bun.inspect(outcome)}`)
  return outcome
}

async function conflict(store: Store, unit: Unit): Promise<Conflict> {
  const [outcome] = await store.append([unit])
  if (outcome?.outcome !== 'conflict') throw new Error(`expected a conflict, found ${Bun.inspect(outcome)}`)
  expect(outcome.conflicts).toHaveLength(1)
  return outcome.conflicts[0]!
}

async function many(say: (i: number) => Promise<readonly UnitOutcome[]>): Promise<readonly UnitOutcome[]> {
  return (await Promise.all(Array.from({ length: CALLERS }, (_, i) => say(i)))).flat()
}

function counted(outcomes: readonly UnitOutcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

function all(store: Store): Promise<readonly StoredEvent[]> {
  return store.readAll({ after: 0, limit: 10_000 })
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const until = performance.now() + WAIT_MS; !(await holds()); await Bun.sleep(1))
    if (performance.now() > until) throw new Error(`not within ${WAIT_MS} ms`)
}
