// A release that cannot read what the log holds: refused at the start, or served where somebody says so.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { upcast } from '../definitions/event/upcast.ts'
import { processor } from '../definitions/processor.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, type RuntimeOptions, runtime } from '../runtime.ts'
import { findUnreadable, forgetTriedReaders, type UnreadableType } from './unreadable-events.ts'

const Whole = z.object({ item: z.object({ n: z.int() }) })
const Text = z.object({ item: z.object({ n: z.string() }) })
const Removed = z.object({})
const raised = upcast(Text, Whole, ({ item }) => ({ item: { n: String(item.n) } }))

const Old = events('counter', { Added: Whole, Removed })
const Changed = events('counter', { Added: Text, Removed })
const Raised = events('counter', { Added: raised, Removed })
const Shrunk = events('counter', { Added: Whole })
const Retired = events('counter', { Added: Whole }, { was: { Removed: null } })

const serve = <F extends typeof Old | typeof Changed | typeof Shrunk>(family: F) => [
  decider(family as typeof Shrunk, {
    initial: {},
    evolve: Object.fromEntries([...family[spec].types.keys()].map(type => [type, (s: object) => s])) as never,
    commands: {},
    decide: {},
  }),
]

const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function start(store: Store, family: Parameters<typeof serve>[0], options: Partial<RuntimeOptions> = {}) {
  const reported: Notice[] = []
  const report = (problem: unknown) => void reported.push(problem as Notice)
  running.push(await runtime({ serve: serve(family), store, report, ...options }))
  return reported
}

const one = (n: number | string) => ({ type: 'Added', data: { item: { n } } })

/** Appends events as the release of a family would, a stream for each. */
async function append(store: Store, family: Parameters<typeof serve>[0], ...data: readonly { type: string; data: object }[]) {
  const before = await store.head()
  const units = data.map(({ type, data }, i) => ({
    slices: [
      {
        stream: `counter-${before + i + 1}`,
        expect: 0,
        events: [
          {
            ...{ id: `e${before + i}`, type, data: JSON.stringify(data), meta: '{}' },
            schema: (family[spec].types as ReadonlyMap<string, { fingerprint: string }>).get(type)!.fingerprint,
          },
        ],
      },
    ],
    keys: [],
  }))
  await store.append(units)
}

describe('a start', () => {
  test('a start is refused where the schema of an event changed, with its type, its path, an example and what mends it', async () => {
    const store = memory()
    await append(store, Old, { type: 'Removed', data: {} }, one(1))
    const schema = Old[spec].types.get('Added')!.fingerprint
    await expect(start(store, Changed)).rejects.toThrow(
      `counter.Added of schema ${schema}, such as at position 2 (counter-2, version 1): item.n: Invalid input: expected string, received number. ` +
        'Upcast each of these types from its old schema, or list a removed type in `was`. SERVE_UNREADABLE_EVENTS=true',
    )
    expect(await start(store, Raised)).toEqual([])
    expect(await start(store, Old)).toEqual([])
  })

  test('a start is refused where a decider lacks a type that the log holds, unless it is retired', async () => {
    const store = memory()
    await append(store, Old, { type: 'Removed', data: {} })
    await expect(start(store, Shrunk)).rejects.toThrow('counter.Removed of schema')
    expect(await start(store, Retired)).toEqual([])
  })

  test('a start is not refused for a type that only other apps read', async () => {
    const store = memory()
    await append(store, Old, { type: 'Removed', data: {} }, one(1))
    const mails = processor('mails', { from: Shrunk, types: ['Added'], start: 'beginning', handle: () => {} })
    expect(await start(store, Shrunk, { serve: [mails] })).toEqual([])
  })

  test('a start that is told to serves what it can, and reports the rest each time', async () => {
    const store = memory()
    await append(store, Old, one(1))
    for (const _ of [1, 2]) {
      const reported = await start(store, Changed, { unreadableEvents: 'serve' })
      expect(reported.map(({ level, code, fields }) => ({ level, code, fields }))).toEqual([
        { level: 'warn', code: 'events-unreadable', fields: { types: 'counter.Added', position: 1 } },
      ])
    }
  })

  test('a start of a release that was tried before is not refused for what a newer release has appended', async () => {
    const store = memory()
    await append(store, Old, one(1))
    await start(store, Old)
    await start(store, Raised)
    await append(store, Raised, one('2'))
    expect(await start(store, Old)).toEqual([])
    await forgetTriedReaders(store)
    await expect(start(store, Old)).rejects.toThrow('such as at position 2')
  })
})

describe('samples', () => {
  const found = (store: Store, family: Parameters<typeof serve>[0]): Promise<readonly UnreadableType[]> =>
    findUnreadable(store, [{ family: family[spec], isWhole: true }])

  for (const [where, at] of [['first', 1], ['newest', 1_000], ['one before a hundred others', 900]] as const) // biome-ignore format: one table
    test(`samples hold the ${where} event of a type, however rare it is`, async () => {
      const store = memory()
      const others = Array.from({ length: at - 1 }, () => ({ type: 'Removed', data: {} }))
      await append(store, Old, ...others, one(1), ...Array.from({ length: 1_000 - at }, () => ({ type: 'Removed', data: {} })))
      expect(await found(store, Changed)).toMatchObject([{ type: 'Added', position: at }])
      expect(await found(store, Raised)).toEqual([])
    })

  test('samples hold events of a schema that is neither the first nor the newest', async () => {
    const store = memory()
    const many = (n: number | string) => Array.from({ length: 300 }, () => one(n))
    await append(store, Changed, ...many('a'))
    await append(store, Old, ...many(1))
    await append(store, Changed, ...many('b'))
    expect(await found(store, Changed)).toMatchObject([{ type: 'Added', position: expect.any(Number) }])
  })

  test('samples hold the newest event of a type that all others have, too', async () => {
    const store = memory()
    await append(store, Changed, ...Array.from({ length: 999 }, () => one('a')))
    await append(store, Old, one(1))
    expect(await found(store, Changed)).toMatchObject([{ position: 1_000 }])
  })

  test('samples are few, however long the log is', async () => {
    const store = memory()
    await append(store, Old, ...Array.from({ length: 5_000 }, (_, n) => one(n)))
    let events = 0
    const readAll: Store['readAll'] = async options => {
      const page = await store.readAll(options)
      events += page.length
      return page
    }
    await found({ ...store, readAll }, Raised)
    expect(events).toBeWithin(1, 200)
  })
})
