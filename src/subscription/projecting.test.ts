// Rows against a fold of the log made apart: through crashes, poison and take-overs, on a store in memory that can be made to fail.
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { memoryBus } from '../bus/memory.ts'
import { events, spec } from '../event/events.ts'
import { fingerprint } from '../event/schema.ts'
import { type AnyProjection, projection, tableOf } from '../projection/projection.ts'
import type { NewPage, ReadModel, StoredRow } from '../read-model/read-model.ts'
import { memory } from '../store/memory.ts'
import { type NewEvent, type Store, StoreError } from '../store/store.ts'
import { untraced } from '../trace/trace.ts'
import { until as becomes } from '../testing/servers/until.ts'
import { audit } from './audit.ts'
import { Subscriptions } from './subscriptions.ts'
import { tail } from './tail.ts'
import { untilProcessed } from '../testing/until-processed.ts'

const Added = z.object({ to: z.array(z.string()), n: z.int() })
const Emptied = z.object({ from: z.string() })
const Tally = events('tally', { Added, Emptied })
let isMended = false
/** What 16 does to the process that folds it. */
let die = () => {}
const sums = projection('sums', {
  from: Tally,
  key: { Added: ({ to }) => to, Emptied: ({ from }) => from },
  row: z.object({ sum: z.int(), seen: z.array(z.int()) }),
  initial: { sum: 0, seen: [] },
  indexes: ['sum'],
  evolve: {
    Added: (row, { n }, { position }) => {
      if (n === 13 && !isMended) throw new Error('thirteen')
      if (n === 16) die()
      if (n === 14) return Promise.resolve(row) as never
      return { sum: n === 15 ? Number.NaN : row.sum + n, seen: [...row.seen, position] }
    },
    Emptied: () => null,
  },
})

type Said = { readonly to: readonly string[]; readonly n: number } | { readonly from: string }
const prints = { Added: fingerprint(Added), Emptied: fingerprint(Emptied) }
let made = 0

async function append(store: Store, ...said: readonly Said[]): Promise<number> {
  const events = said.map(data => {
    const type = 'to' in data ? 'Added' : 'Emptied'
    return { id: `e${made++}`, type, schema: prints[type], data: JSON.stringify(data), meta: '{}' }
  })
  return appended(store, `tally-${made % 3}`, events)
}

/** The processes of one log hear of what is appended over one bus. */
const buses = new Map<string, Bus>()
function busOf(store: Store): Bus {
  const bus = buses.get(store.identity.id) ?? memoryBus(() => {})
  buses.set(store.identity.id, bus)
  return bus
}

async function appended(store: Store, stream: string, events: readonly NewEvent[]): Promise<number> {
  const before = await store.head()
  await store.append([{ slices: [{ stream, expect: 'any', events }], keys: [] }])
  busOf(store).publish(await store.readAll({ after: before, limit: 1_000 }))
  return store.head()
}

/** What the rows have to be once the log has been folded up to a position, in the simplest words. */
async function folded(store: Store, until: number): Promise<Record<string, { sum: number; seen: number[] }>> {
  const rows: Record<string, { sum: number; seen: number[] }> = {}
  for (const { data, position } of await store.readAll({ after: 0, until, limit: 100_000 })) {
    const said = JSON.parse(data) as Said
    if ('from' in said) delete rows[said.from]
    else
      for (const key of said.to) rows[key] = { sum: (rows[key]?.sum ?? 0) + said.n, seen: [...(rows[key]?.seen ?? []), position] }
  }
  return rows
}

const table = { name: tableOf(sums[spec]), indexes: sums[spec].indexes }
const rowsOf = async (store: Store) => {
  const { found, position } = await store.readModel.list(table, { where: {}, sort: null, after: null, limit: 1_000 })
  return { rows: Object.fromEntries(found.map(({ key, data }) => [key, JSON.parse(data)])), found, position }
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  isMended = false
  die = () => {}
  for (const close of closing.splice(0)) await close()
})

type Process = {
  readonly subscriptions: Subscriptions
  readonly reported: unknown[]
  readonly kill: () => void
  readonly isDead: () => boolean
}

/** A process that folds. It can be killed: from then on nothing that it does reaches the store. */
async function process_(store: Store, of: AnyProjection = sums, leaseMs = 1_000): Promise<Process> {
  let isDead = false
  const reported: unknown[] = []
  const report = (error: unknown) => void reported.push(error)
  const gone = () => Promise.reject(new StoreError('unavailable', 'the process was killed'))
  const guarded = <T extends object>(of: T): T =>
    new Proxy(of, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown
        if (name === 'readModel') return guarded(value as object)
        return typeof value === 'function' ? (...args: unknown[]) => (isDead ? gone() : value.apply(target, args)) : value
      },
    })
  const seen = guarded(store)
  const following = tail({ store: seen, bus: busOf(store), report })
  const options = {
    store: seen,
    tail: following,
    projections: [of[spec]],
    processors: [],
    sqlProjections: [],
    processes: [],
    send: async () => null,
    owner: Bun.randomUUIDv7(),
    leaseMs,
    report,
    now: Date.now,
  }
  const subscriptions = new Subscriptions({ ...options, onRowsChanged: null, onCheckpoint: () => {}, trace: untraced })
  await following.start()
  await subscriptions.start()
  const close = async () => {
    await subscriptions.close().catch(() => {})
    await following.close()
  }
  closing.push(close)
  const kill = () => {
    isDead = true
  }
  return { subscriptions, reported, kill, isDead: () => isDead }
}

describe('a projection', () => {
  test('has the rows that its events give, also those that were there before it', async () => {
    const store = memory()
    await append(store, { to: ['a', 'b'], n: 1 }, { to: ['a'], n: 2 })
    const { subscriptions } = await process_(store)
    await append(store, { from: 'b' }, { to: ['c'], n: 5 })
    await untilProcessed(subscriptions, 4)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 3, seen: [1, 2] }, c: { sum: 5, seen: [4] } })
  })

  test('says how far it is and how far behind', async () => {
    const store = memory()
    const { subscriptions } = await process_(store)
    await append(store, { to: ['a'], n: 1 })
    await untilProcessed(subscriptions, 1)
    expect(await subscriptions.status()).toMatchObject([
      { name: 'sums_v1', position: 1, lagEvents: 0, lagSeconds: 0, isOwner: true },
    ])
  })

  test('does not wait for a position that nobody will reach in time', async () => {
    const { subscriptions } = await process_(memory())
    expect(await subscriptions.seen(1, ['sums'], 10)).toBeFalse()
    expect(() => subscriptions.seen(1, ['nobody'])).toThrow('no subscription nobody')
  })

  test('passes over what is no event of its own, and its checkpoint follows', async () => {
    const store = memory()
    const { subscriptions } = await process_(store)
    await appended(store, 'other-1', [{ id: 'x', type: 'Added', schema: 's', data: '{}', meta: '{}' }])
    await untilProcessed(subscriptions, 1)
    expect((await rowsOf(store)).rows).toEqual({})
  })
})

describe('rows are the fold of the log at the checkpoint', () => {
  const said = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        to: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
        n: fc.integer({ min: -9, max: 9 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ from: fc.constantFrom('a', 'b', 'c', 'd') }) },
  )
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.record({ append: fc.array(said, { minLength: 1, maxLength: 5 }) }) },
    { weight: 1, arbitrary: fc.constant('kill' as const) },
    { weight: 1, arbitrary: fc.constant('fail' as const) },
    { weight: 1, arbitrary: fc.constant('reset' as const) },
  )

  /** Runs acts, checking rows after each commit; gives what was wrong. */
  async function run(
    acts: readonly (string | { append: Said[] })[],
    commit: (real: (page: NewPage) => Promise<boolean>, page: NewPage) => Promise<boolean>,
  ) {
    const store = memory()
    const wrong: string[] = []
    let failures = 0
    const real = store.readModel.commit
    const checked = {
      ...store,
      readModel: {
        ...store.readModel,
        commit: async (page: NewPage) => {
          if (failures > 0 && failures--) throw new StoreError('unavailable', 'made to fail')
          const done = await commit(real, page)
          const { rows, position } = await rowsOf(store)
          if (!Bun.deepEquals(rows, await folded(store, position))) wrong.push(`at ${position}: ${JSON.stringify(rows)}`)
          return done
        },
      },
    } as Store
    let at = await process_(checked, sums, 20)
    for (const act of acts) {
      if (act === 'kill') {
        at.kill()
        at = await process_(checked, sums, 20)
      } else if (act === 'fail') failures = 2
      else if (act === 'reset') await store.readModel.reset(table.name, 0)
      else if (typeof act === 'object') await append(store, ...act.append)
      await Bun.sleep(0)
    }
    await untilProcessed(at.subscriptions, await store.head())
    const end = await rowsOf(store)
    if (!Bun.deepEquals(end.rows, await folded(store, end.position))) wrong.push('in the end')
    expect((await audit(store, sums[spec], table)).differences).toEqual([])
    for (const close of closing.splice(0)) await close()
    return wrong
  }

  test('after any crash, failure and reset', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 12 }), async acts => {
        expect(await run(acts, (real, page) => real(page))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test('and a checkpoint that is written before its rows is found out', async () => {
    const acts = [{ append: [{ to: ['a'], n: 1 }] }, 'kill', { append: [{ to: ['a'], n: 2 }] }]
    const planted = async (real: (page: NewPage) => Promise<boolean>, page: NewPage) =>
      page.rows.length ? real({ ...page, rows: [] }) : real(page)
    expect((await run(acts, planted).catch(error => [String(error)])).length).toBeGreaterThan(0)
  })
})

describe('an event that cannot be folded', () => {
  for (const [what, n] of [
    ['throws', 13],
    ['gives a promise', 14],
    ['gives what is no row', 15],
  ] as const) {
    test(`parks its key where its fold ${what}, and the others go on`, async () => {
      const store = memory()
      const { subscriptions } = await process_(store)
      await append(store, { to: ['a', 'b'], n: 1 })
      await untilProcessed(subscriptions, 1)
      await append(store, { to: ['a'], n }, { to: ['a', 'b'], n: 2 })
      await untilProcessed(subscriptions, 3)
      const { rows, found } = await rowsOf(store)
      expect(rows).toEqual({ a: { sum: 1, seen: [1] }, b: { sum: 3, seen: [1, 3] } })
      expect(found.map(({ parked }: StoredRow) => parked)).toEqual([2, null])
      expect(await store.readModel.parked()).toMatchObject([{ name: 'sums_v1', kind: 'key', key: 'a', again: null }])
    })
  }

  test('is folded again, in order and before newer ones, once its fold is mended and it is unparked', async () => {
    const store = memory()
    const { subscriptions } = await process_(store)
    await append(store, { to: ['a', 'b'], n: 1 }, { to: ['a'], n: 13 }, { to: ['a', 'b'], n: 2 })
    await untilProcessed(subscriptions, 3)
    expect(await store.readModel.unpark('sums_v1')).toBe(1)
    await becomes('it failed again', async () => (await store.readModel.parked())[0]?.again === null)
    isMended = true
    await store.readModel.unpark('sums_v1', 'a')
    await becomes('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    await append(store, { to: ['a'], n: 4 })
    await untilProcessed(subscriptions, 4)
    const { rows, position } = await rowsOf(store)
    expect(rows).toEqual(await folded(store, position))
  })

  test('is passed over where it is skipped, and what came after it is folded', async () => {
    const store = memory()
    const { subscriptions } = await process_(store)
    await append(store, { to: ['a'], n: 1 }, { to: ['a'], n: 13 }, { to: ['a'], n: 2 })
    await untilProcessed(subscriptions, 3)
    await store.readModel.unpark('sums_v1', 'a', 'skip')
    await becomes('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 3, seen: [1, 3] } })
  })

  test('parks its stream where it cannot be read', async () => {
    const store = memory()
    const { subscriptions } = await process_(store)
    const stream = `tally-${(made + 1) % 3}`
    await appended(store, stream, [{ id: 'x', type: 'Added', schema: 'old', data: '{"to":7}', meta: '{}' }])
    await untilProcessed(subscriptions, 1)
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'stream', key: stream, position: 1 }])
    await append(store, { to: ['lost'], n: 1 })
    await append(store, { to: ['b'], n: 1 })
    await untilProcessed(subscriptions, 3)
    expect((await rowsOf(store)).rows).toEqual({ b: { sum: 1, seen: [3] } })
  })
})

describe('a process that loses its lease', () => {
  test('writes nothing any more, and the one that took over goes on', async () => {
    const store = memory()
    const first = await process_(store, sums, 30)
    await append(store, { to: ['a'], n: 1 })
    await untilProcessed(first.subscriptions, 1)
    // It is taken over as if its time had run out, unseen by the first.
    const [before] = await store.readModel.progress(['sums_v1'])
    await store.readModel.release('sums_v1', before!.epoch)
    const second = await store.readModel.acquire('sums_v1', { owner: 'second', ttlMs: 60_000, start: 0 })
    expect(second?.epoch).toBeGreaterThan(before!.epoch)
    await append(store, { to: ['a'], n: 2 })
    await becomes('the first has noticed', () => !first.subscriptions.view('sums').subscriptions[0]!.isOwner)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] } })
    await store.readModel.release('sums_v1', second!.epoch)
    await untilProcessed(first.subscriptions, 2)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 3, seen: [1, 2] } })
  })

  test('leaves what it died of three times parked behind it', async () => {
    const store = memory()
    await append(store, { to: ['a'], n: 1 }, { to: ['b'], n: 2 })
    // Three owners that end without a word, the last while it folds b.
    for (let i = 0; i < 4; i++) {
      const lease = await store.readModel.acquire('sums_v1', { owner: `dead ${i}`, ttlMs: 1, start: 0 })
      if (lease!.takeovers >= 3) await store.readModel.suspect('sums_v1', lease!.epoch, { position: 2, key: 'b', times: 2 })
      await Bun.sleep(2)
    }
    const { subscriptions } = await process_(store)
    await untilProcessed(subscriptions, 2)
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'b', position: 2 }])
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] } })
  })

  test('parks nothing of what one owner was at when it ended, however often others did at other events', async () => {
    const store = memory()
    await append(store, { to: ['a'], n: 1 }, { to: ['b'], n: 2 })
    for (let i = 0; i < 6; i++) {
      const lease = await store.readModel.acquire('sums_v1', { owner: `slow ${i}`, ttlMs: 1, start: 0 })
      const at = i % 2 ? { position: 1, key: 'a' } : { position: 2, key: 'b' }
      await store.readModel.suspect('sums_v1', lease!.epoch, { ...at, times: 1 })
      await Bun.sleep(2)
    }
    const { subscriptions } = await process_(store)
    await untilProcessed(subscriptions, 2)
    expect(await store.readModel.parked()).toEqual([])
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] }, b: { sum: 2, seen: [2] } })
  })

  test('is not taken over by itself: a store that was away for a moment makes nothing suspect', async () => {
    const store = memory()
    await append(store, { to: ['a'], n: 1 })
    for (let i = 0; i < 4; i++) {
      await store.readModel.acquire('sums_v1', { owner: `dead ${i}`, ttlMs: 1, start: 0 })
      await Bun.sleep(2)
    }
    // From now on events are folded one by one, each being told of before.
    let suspects = 0
    const flaky = changed(store, {
      suspect: async (...of) => {
        const told = await store.readModel.suspect(...of)
        if (of[2]?.key === 'a' && suspects++ === 0) throw new StoreError('unavailable', 'away for a moment')
        return told
      },
    })
    const { subscriptions } = await process_(flaky)
    await untilProcessed(subscriptions, 1)
    expect(suspects).toBeGreaterThan(1)
    expect(await store.readModel.parked()).toEqual([])
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] } })
  })

  test('gets over what kills it however far behind its checkpoint that is', async () => {
    const store = memory()
    const many = Array.from({ length: 7_000 }, (_, i) => ({ to: [`${i % 700}`], n: 1 }))
    await append(store, ...many, { to: ['deadly'], n: 16 }, { to: ['after'], n: 1 })
    let at: Process | null = null
    die = () => {
      at?.kill()
      throw new Error('dead')
    }
    for (let lives = 1; (await store.readModel.parked()).length === 0; lives++) {
      expect(lives).toBeLessThan(12)
      at = await process_(store, sums, 20)
      const { isDead, subscriptions } = at
      await becomes('it died, or got over it', () => isDead() || subscriptions.view('sums').subscriptions[0]!.position === 7_002)
    }
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'deadly', position: 7_001 }])
    expect(Object.keys((await rowsOf(store)).rows)).toHaveLength(701)
  })
})

describe('a store that fails now and then', () => {
  test('keeps nobody waiting longer for having failed before', async () => {
    const store = memory()
    let isFailing = false
    const flaky = changed(store, {
      commit: page => {
        if (!isFailing) return store.readModel.commit(page)
        isFailing = false
        return Promise.reject(new StoreError('unavailable', 'made to fail'))
      },
    })
    using waits = spyOn(globalThis, 'setTimeout')
    const { subscriptions } = await process_(flaky)
    for (let i = 1; i <= 12; i++) {
      isFailing = true
      await append(store, { to: ['a'], n: 1 })
      await untilProcessed(subscriptions, i, ['sums'])
    }
    // The second failure in a row would be waited for twice as long as the first, the twelfth for 5 s.
    expect(Math.max(...waits.mock.calls.map(([, ms]) => ms ?? 0))).toBeLessThanOrEqual(1_000)
  })
})

describe('a row that was damaged', () => {
  for (const [what, damaged] of [
    ['is no JSON', '{"sum":1,'],
    ['does not fit its schema', '{"sum":"1","seen":[]}'],
  ] as const) {
    test(`parks its key where it ${what}, and is folded from the beginning once it is unparked`, async () => {
      const store = memory()
      const first = await process_(store)
      await append(store, { to: ['a', 'b'], n: 1 })
      await untilProcessed(first.subscriptions, 1)
      await first.subscriptions.close()
      const corrupt = changed(store, {
        rows: async (...of) =>
          (await store.readModel.rows(...of)).map(row => (row.key === 'a' ? { ...row, data: damaged } : row)),
      })
      const { subscriptions, reported } = await process_(corrupt)
      await append(store, { to: ['a', 'b'], n: 2 })
      await untilProcessed(subscriptions, 2)
      expect(await store.readModel.parked()).toMatchObject([
        { kind: 'key', key: 'a', position: 2, cause: expect.stringContaining('sums_v1: the row a cannot be read') },
      ])
      expect(reported).toEqual([])
      await store.readModel.unpark('sums_v1', 'a')
      await becomes('nothing is parked', async () => (await store.readModel.parked()).length === 0)
      expect((await rowsOf(store)).rows).toEqual(await folded(store, 2))
    })
  }
})

/** A store some of whose read model is another. */
function changed(store: Store, own: Partial<ReadModel>): Store {
  return { ...store, readModel: { ...store.readModel, ...own } }
}
