// What every read model promises, as cases that run on any of them.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { type ContractCase, contract } from '../testing/contract.ts'
import {
  compareText,
  type Lease,
  type ListOptions,
  type NewPage,
  type NewRow,
  type Parked,
  type ReadModel,
  type StoredRow,
  type Table,
  type Value,
} from './read-model.ts'

/** A read model as a case is given it. */
export type MadeReadModel = {
  /** Open, over an empty database of its own. */
  readonly readModel: ReadModel
  /** Gives another one over the same database, as a process has it that starts after a crash. The one before it is not used again. */
  readonly reopen: () => Promise<ReadModel>
  /** Moves the time, by which leases end, so many ms ahead. */
  readonly advance: (ms: number) => Promise<void> | void
  /** Closes what is open and deletes what is stored. */
  readonly close: () => Promise<void>
}

export type ReadModelCase = ContractCase<MadeReadModel>

/** Tests a read model: each case gets one of its own. */
export function readModelContract(name: string, make: () => Promise<MadeReadModel>): void {
  contract(`${name} keeps the contract of read models: it`, readModelCases, make)
}

const TTL_MS = 10_000
const CALLERS = 16
const orders: Table = {
  name: 'orders_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}
const plain: Table = { name: 'plain_v1', indexes: [] }

const tables: readonly ReadModelCase[] = [
  {
    title: 'begins empty: no tables, no checkpoints, nothing parked, nothing serving',
    run: async ({ readModel }) => {
      expect(await readModel.tables()).toEqual([])
      expect(await readModel.progress()).toEqual([])
      expect(await readModel.progress(['orders_v1'])).toEqual([])
      expect(await readModel.parked()).toEqual([])
      expect(await readModel.serving('orders')).toBeNull()
      await readModel.prepare([orders])
      expect(await readModel.get(orders, 'o1')).toEqual({ found: null, position: 0, parked: null })
      expect(await readModel.list(orders, everything)).toEqual({ found: [], position: 0, parked: null })
      expect(await readModel.count(orders, {})).toEqual({ found: 0, position: 0, parked: null })
      expect(await readModel.rows(orders, ['o1'])).toEqual([])
      expect(await readModel.rows(orders, [])).toEqual([])
    },
  },
  {
    title: 'makes the tables that are missing, however many say so at once, and keeps what is in those that are there',
    run: async ({ readModel, reopen }) => {
      await Promise.all(Array.from({ length: CALLERS }, () => readModel.prepare([orders, plain])))
      expect(await readModel.tables()).toEqual(['orders_v1', 'plain_v1'])
      const { epoch } = await acquired(readModel, 'orders_v1')
      await committed(readModel, page({ epoch, rows: [row('o1', 1)] }))
      const reopened = await reopen()
      await reopened.prepare([orders, { ...plain, name: 'plain_v2' }])
      expect(await reopened.tables()).toEqual(['orders_v1', 'plain_v1', 'plain_v2'])
      expect((await reopened.get(orders, 'o1')).found).toMatchObject({ key: 'o1' })
    },
  },
  {
    title: 'refuses names that would have to be quoted, fields that case alone tells apart, and other indexes than a table has',
    run: async ({ readModel }) => {
      for (const name of ['', 'A', '1a', 'a-b', 'a"b', 'a b', 'é', '_a', `a${'x'.repeat(51)}`])
        expect(await failure(readModel.prepare([{ name, indexes: [] }])), name).toBeInstanceOf(TypeError)
      for (const field of ['', '1a', 'a-b', 'a"b', 'a.b', 'é', `a${'x'.repeat(51)}`])
        expect(await failure(readModel.prepare([{ name: 'a', indexes: [{ field, kind: 'text' }] }])), field).toBeInstanceOf(
          TypeError,
        )
      const twice = [{ field: 'total', kind: 'number' } as const, { field: 'Total', kind: 'number' } as const]
      expect(await failure(readModel.prepare([{ name: 'a', indexes: twice }]))).toBeInstanceOf(TypeError)
      expect(await readModel.tables()).toEqual([])
      await readModel.prepare([orders])
      for (const indexes of [[], orders.indexes.toReversed(), orders.indexes.map(index => ({ ...index, kind: 'text' as const }))])
        expect(await failure(readModel.prepare([{ ...orders, indexes }]))).toMatchObject({
          name: 'TypeError',
          message: expect.stringContaining('give the projection a new version'),
        })
      const long = 'x'.repeat(50)
      const widest = {
        name: `a${long}`,
        indexes: [
          { field: `f${long}`, kind: 'text' as const },
          { field: `g${long}`, kind: 'text' as const },
        ],
      }
      await readModel.prepare([widest])
      const { epoch } = await acquired(readModel, widest.name)
      await committed(
        readModel,
        page({ name: widest.name, epoch, rows: [{ key: 'k', position: 1, data: '{}', fields: ['1', '2'] }] }),
      )
      expect((await readModel.count(widest, { [`g${long}`]: '2' })).found).toBe(1)
    },
  },
  {
    title: 'forgets a table that is dropped, with its rows, checkpoint, lease and parked keys, and no other',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      for (const name of ['orders_v1', 'plain_v1']) {
        const { epoch } = await acquired(readModel, name)
        const fields = name === 'orders_v1' ? ['new', 1] : []
        await committed(readModel, page({ name, epoch, rows: [{ ...row('k', 1), fields }], park: [parking('p')] }))
        await readModel.serve(name.slice(0, -3), name)
      }
      await readModel.drop('orders_v1')
      await readModel.drop('orders_v1')
      await readModel.drop('never_was')
      expect(await readModel.tables()).toEqual(['plain_v1'])
      expect((await readModel.progress()).map(({ name }) => name)).toEqual(['plain_v1'])
      expect((await readModel.parked()).map(({ name }) => name)).toEqual(['plain_v1'])
      expect(await readModel.serving('orders')).toBeNull()
      expect(await readModel.serving('plain')).toBe('plain_v1')
      await readModel.prepare([orders])
      expect(await readModel.list(orders, everything)).toEqual({ found: [], position: 0, parked: null })
      expect(await readModel.acquire('orders_v1', { owner: 'b', ttlMs: TTL_MS, start: 7 })).toMatchObject({
        position: 7,
        takeovers: 0,
      })
    },
  },
]

const leases: readonly ReadModelCase[] = [
  {
    title: 'gives a subscription that is new a start, and one that is not its checkpoint',
    run: async ({ readModel, reopen }) => {
      const lease = await acquired(readModel, 's', 'a', 41)
      expect(lease).toMatchObject({ name: 's', position: 41, takeovers: 0, suspect: null })
      await committed(readModel, page({ name: 's', epoch: lease.epoch, from: 41, to: 99 }))
      await readModel.release('s', lease.epoch)
      expect(await acquired(await reopen(), 's', 'b', 41)).toMatchObject({ position: 99, takeovers: 0, suspect: null })
    },
  },
  {
    title: `lets exactly one of ${CALLERS} take a lease`,
    run: async ({ readModel }) => {
      for (let round = 0; round < 3; round++) {
        const name = round < 2 ? 's' : 't'
        const found = await Promise.all(
          Array.from({ length: CALLERS }, (_, i) => readModel.acquire(name, { owner: `o${i}`, ttlMs: TTL_MS, start: 0 })),
        )
        const [lease, ...more] = found.filter(lease => lease !== null)
        expect(more).toEqual([])
        await readModel.release(name, lease!.epoch)
      }
    },
  },
  {
    title: 'refuses a lease to another until its time is over, or it is given back, and gives it to its owner again',
    run: async ({ readModel, advance }) => {
      const first = await acquired(readModel, 's', 'a')
      expect(await readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })).toBeNull()
      await advance(TTL_MS - 5_000)
      expect(await readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })).toBeNull()
      await advance(5_001)
      const second = await acquired(readModel, 's', 'b')
      expect(second.epoch).toBeGreaterThan(first.epoch)
      await readModel.release('s', first.epoch)
      expect(await readModel.acquire('s', { owner: 'c', ttlMs: TTL_MS, start: 0 })).toBeNull()
      await readModel.release('s', second.epoch)
      const third = await acquired(readModel, 's', 'c')
      expect((await acquired(readModel, 's', 'c')).epoch).toBeGreaterThan(third.epoch)
    },
  },
  {
    title: 'tells who has which lease and for how long, those whose time is over too, but none that was given back',
    run: async ({ readModel, advance }) => {
      expect(await readModel.leases()).toEqual([])
      const one = await acquired(readModel, 's', 'a')
      const other = await acquired(readModel, 'r', 'b')
      const held = await readModel.leases()
      expect(held).toMatchObject([
        { name: 'r', owner: 'b', epoch: other.epoch },
        { name: 's', owner: 'a', epoch: one.epoch },
      ])
      for (const { leftMs } of held) expect(leftMs > 0 && leftMs <= TTL_MS).toBeTrue()
      await advance(TTL_MS)
      await readModel.release('r', other.epoch)
      const [over, ...none] = await readModel.leases()
      expect([over, none]).toEqual([{ name: 's', owner: 'a', epoch: one.epoch, leftMs: expect.any(Number) }, []])
      expect(over!.leftMs).toBeLessThanOrEqual(0)
    },
  },
  {
    title: 'prolongs a lease, by saying so or with a page, until it is taken over or given back',
    run: async ({ readModel, advance }) => {
      const { epoch } = await acquired(readModel, 's', 'a')
      const other = () => readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })
      await advance(TTL_MS - 5_000)
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeTrue()
      await advance(TTL_MS - 5_000)
      expect(await other()).toBeNull()
      await committed(readModel, page({ name: 's', epoch }))
      await advance(TTL_MS - 5_000)
      expect(await other()).toBeNull()
      await advance(TTL_MS)
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeTrue()
      expect(await other()).toBeNull()
      await advance(TTL_MS + 1)
      const taken = (await other())!
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeFalse()
      await readModel.release('s', taken.epoch)
      expect(await readModel.renew('s', taken.epoch, TTL_MS)).toBeFalse()
      expect(await readModel.renew('never was', 1, TTL_MS)).toBeFalse()
    },
  },
  {
    title: 'leaves a lease that was given back to whoever comes, though a page of its last owner comes late',
    run: async ({ readModel }) => {
      const { epoch } = await acquired(readModel, 's', 'a')
      await readModel.release('s', epoch)
      await committed(readModel, page({ name: 's', epoch }))
      expect(await acquired(readModel, 's', 'b')).toMatchObject({ position: 10 })
    },
  },
  {
    title: 'counts how often a lease was taken over, not given back, at one checkpoint',
    run: async ({ readModel, advance }) => {
      const counted: number[] = []
      const take = async (owner: string) => {
        await advance(TTL_MS + 1)
        const lease = await acquired(readModel, 's', owner)
        counted.push(lease.takeovers)
        return lease
      }
      await take('a')
      await take('b')
      const third = await take('c')
      await committed(readModel, page({ name: 's', epoch: third.epoch }))
      await take('d')
      const fifth = await take('e')
      await readModel.release('s', fifth.epoch)
      await take('f')
      await take('g')
      // Its own lease, which it takes again after the database was away.
      await take('g')
      await take('h')
      expect(counted).toEqual([0, 1, 2, 0, 1, 0, 1, 1, 2])
    },
  },
  {
    title: 'tells who takes over what the last owner was about to do, until that is done or given back',
    run: async ({ readModel, advance }) => {
      const take = async (owner: string) => {
        await advance(TTL_MS + 1)
        return acquired(readModel, 's', owner)
      }
      const first = await take('a')
      expect(await readModel.suspect('s', first.epoch, { position: 5, key: 'o1', times: 2 })).toBeTrue()
      const second = await take('b')
      expect(second.suspect).toEqual({ position: 5, key: 'o1', times: 2 })
      expect(await readModel.suspect('s', first.epoch, { position: 6, key: null, times: 1 })).toBeFalse()
      const third = await take('c')
      expect(third.suspect).toEqual({ position: 5, key: 'o1', times: 2 })
      await committed(readModel, page({ name: 's', epoch: third.epoch, to: 4 }))
      const fourth = await take('d')
      expect(fourth.suspect).toEqual({ position: 5, key: 'o1', times: 2 })
      await committed(readModel, page({ name: 's', epoch: fourth.epoch, from: 4, to: 5 }))
      const fifth = await take('e')
      expect(fifth.suspect).toBeNull()
      expect(await readModel.suspect('s', fifth.epoch, { position: 6, key: null, times: 1 })).toBeTrue()
      const sixth = await take('f')
      expect(sixth.suspect).toEqual({ position: 6, key: null, times: 1 })
      expect(await readModel.suspect('s', sixth.epoch, null)).toBeTrue()
      const seventh = await take('g')
      expect(seventh.suspect).toBeNull()
      await readModel.suspect('s', seventh.epoch, { position: 7, key: 'k', times: 1 })
      await readModel.release('s', seventh.epoch)
      expect((await take('h')).suspect).toBeNull()
    },
  },
]

const pages: readonly ReadModelCase[] = [
  {
    title: 'writes a page: rows as they are, those without data away, and the checkpoint with them',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      await committed(readModel, page({ epoch, rows: [row('o1', 1), row('o2', 2), row('o3', 3)] }))
      const changed = { ...row('o2', 12), data: '{"changed":true}', fields: ['paid', null] }
      const removed = { ...row('o1', 11), data: null }
      const absent = { ...row('o0', 11), data: null }
      await committed(readModel, page({ epoch, from: 10, to: 20, rows: [absent, removed, changed, row('o4', 13)] }))
      const reopened = await reopen()
      const { found, position } = await reopened.list(orders, everything)
      expect(position).toBe(20)
      expect(found).toEqual([
        { key: 'o2', position: 12, data: '{"changed":true}', parked: null },
        storedRow('o3', 3),
        storedRow('o4', 13),
      ])
      expect((await reopened.count(orders, { status: 'paid' })).found).toBe(1)
      expect((await reopened.count(orders, { total: null })).found).toBe(1)
      expect((await reopened.count(orders, { total: 2 })).found).toBe(0)
    },
  },
  {
    title: 'moves the checkpoint where there is nothing to write, and of a subscription that has no table',
    run: async ({ readModel }) => {
      const { epoch } = await acquired(readModel, 'Not a table: 絵')
      await committed(readModel, page({ name: 'Not a table: 絵', epoch }))
      const [progress, ...more] = await readModel.progress()
      expect(more).toEqual([])
      expect(progress).toMatchObject({ name: 'Not a table: 絵', position: 10, epoch })
      expect(new Date(progress!.savedAt).toISOString()).toBe(progress!.savedAt)
    },
  },
  {
    title: 'writes nothing where the epoch or the checkpoint is another, whichever it is',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      await committed(readModel, page({ epoch, rows: [row('o1', 1)], park: [parking('p')] }))
      const before = await everythingOf(readModel)
      const wrong = {
        rows: [{ ...row('o1', 11), data: null }, row('o2', 11)],
        park: [parking('q')],
        unpark: [parking('p')],
        to: 30,
      }
      for (const changed of [
        { from: 0 },
        { from: 9 },
        { from: 11 },
        { epoch: epoch - 1 },
        { epoch: epoch + 1 },
        { name: 'other' },
      ])
        expect(
          await readModel.commit(page({ epoch, from: 10, ...wrong, ...changed, ...(changed.name && { rows: [] }) })),
        ).toBeFalse()
      expect(await everythingOf(readModel)).toEqual(before)
    },
  },
  {
    title: 'refuses whoever was taken over: nothing is written, whichever of the two comes first',
    run: async ({ readModel, advance }) => {
      await readModel.prepare([orders])
      const zombie = await acquired(readModel, 'orders_v1', 'a')
      await committed(readModel, page({ epoch: zombie.epoch, rows: [row('o1', 1)] }))
      await advance(TTL_MS + 1)
      const owner = await acquired(readModel, 'orders_v1', 'b')
      expect(await readModel.commit(page({ epoch: zombie.epoch, from: 10, to: 20, rows: [row('z', 11)] }))).toBeFalse()
      await committed(readModel, page({ epoch: owner.epoch, from: 10, to: 20, rows: [row('o2', 11)] }))
      expect(await readModel.commit(page({ epoch: zombie.epoch, from: 20, to: 30, rows: [row('z', 21)] }))).toBeFalse()
      expect(await readModel.renew('orders_v1', zombie.epoch, TTL_MS)).toBeFalse()
      const { found, position } = await readModel.list(orders, everything)
      expect([found.map(({ key }) => key), position]).toEqual([['o1', 'o2'], 20])
    },
  },
  {
    title: `takes exactly one of ${CALLERS} pages that say the same step`,
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      for (let step = 0; step < 5; step++) {
        const outcomes = await Promise.all(
          Array.from({ length: CALLERS }, (_, i) =>
            readModel.commit(
              page({ epoch, from: step * 10, to: step * 10 + 10, rows: [{ ...row(`o${step}`, step * 10 + 1), data: `${i}` }] }),
            ),
          ),
        )
        expect(outcomes.filter(Boolean)).toEqual([true])
        expect((await readModel.get(orders, `o${step}`)).found?.data).toBe(`${outcomes.indexOf(true)}`)
      }
    },
  },
  {
    title: 'keeps keys, fields and data byte for byte',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const rows = texts.toSorted(compareText).map((text, i) => ({
        key: text,
        position: i + 1,
        data: JSON.stringify({ text, nul: '\0' }),
        fields: [text, numbers[i % numbers.length]!],
      }))
      await committed(readModel, page({ epoch, to: 100, rows }))
      const reopened = await reopen()
      for (const { key, position, data } of rows) {
        expect(await reopened.get(orders, key)).toEqual({
          found: { key, position, data, parked: null },
          position: 100,
          parked: null,
        })
        expect((await reopened.list(orders, { ...everything, where: { status: key } })).found.map(({ key }) => key)).toEqual([
          key,
        ])
      }
      expect(sortedByKey(await reopened.rows(orders, [...texts, ...texts, 'none']))).toEqual(
        rows.map(({ key, position, data }) => ({ key, position, data, parked: null })),
      )
      for (const number of numbers)
        expect((await reopened.count(orders, { total: number })).found).toBe(
          rows.filter(({ fields }) => fields[1] === number).length,
        )
    },
  },
  {
    title: 'refuses what no database could keep, and writes nothing of its page',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const wrong: readonly Partial<NewRow>[] = [
        { key: 'a\0b' },
        { key: '\ud800' },
        { fields: ['\0', 1] },
        { fields: ['\udc00x', 1] },
        { fields: ['new', Number.NaN] },
        { fields: ['new', Number.POSITIVE_INFINITY] },
        { fields: ['new', '1'] },
        { fields: [1, 1] },
        { fields: ['new'] },
        { fields: ['new', 1, 1] },
      ]
      for (const one of wrong) {
        const rows = [row('a', 1), { ...row('o1', 1), ...one }]
        expect(await failure(readModel.commit(page({ epoch, rows }))), Bun.inspect(one)).toBeInstanceOf(TypeError)
      }
      expect(await failure(readModel.commit(page({ name: 'no_table', epoch, rows: [row('a', 1)] })))).toBeInstanceOf(TypeError)
      expect(await everythingOf(readModel)).toMatchObject({ rows: [], progress: [{ position: 0 }] })
    },
  },
  {
    title: 'writes many rows at once as it writes a few, and over those that are there',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const many = (position: number, step: number) =>
        Array.from({ length: 12_000 }, (_, i) => i)
          .filter(i => i % step === 0)
          .map(i => ({ ...row(`k${String(i).padStart(6, '0')}`, position), data: i % 7 || position === 1 ? `{"n":${i}}` : null }))
      await committed(readModel, page({ epoch, rows: many(1, 1) }))
      expect(await readModel.count(orders, {})).toEqual({ found: 12_000, position: 10, parked: null })
      await committed(readModel, page({ epoch, from: 10, to: 20, rows: many(11, 2) }))
      expect(await readModel.commit(page({ epoch, from: 10, to: 20, rows: many(12, 3) }))).toBeFalse()
      const reopened = await reopen()
      const { found } = await reopened.list(orders, { ...everything, limit: 20_000 })
      expect(found).toHaveLength(12_000 - Math.ceil(12_000 / 14))
      expect(found.filter(({ position }) => position === 11)).toHaveLength(6_000 - Math.ceil(12_000 / 14))
      expect(found.some(({ position }) => position === 12)).toBeFalse()
    },
  },
  {
    title: 'shows a reader rows and checkpoint of one moment, never rows older than the checkpoint',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      let writing = true
      const writer = (async () => {
        for (let step = 1; step <= 60; step++)
          await committed(
            readModel,
            page({ epoch, from: step - 1, to: step, rows: ['a', 'b'].map(key => ({ ...row(key, step), fields: ['s', step] })) }),
          )
      })().finally(() => {
        writing = false
      })
      for (let looks = 0; writing || looks < 3; looks++) {
        const one = await readModel.get(orders, 'a')
        expect(one.found?.position ?? 0).toBe(one.position)
        const all = await readModel.list(orders, everything)
        expect(all.found.map(({ position }) => position)).toEqual(all.position ? [all.position, all.position] : [])
        const { found, position } = await readModel.count(orders, { status: 's' })
        expect(found).toBe(position ? 2 : 0)
      }
      await writer
    },
  },
]

const progress: readonly ReadModelCase[] = [
  {
    title: 'tells where subscriptions are, all or some, by name',
    run: async ({ readModel }) => {
      for (const [i, name] of ['b', 'a', 'C'].entries()) {
        const { epoch } = await acquired(readModel, name)
        await committed(readModel, page({ name, epoch, to: i + 1 }))
      }
      expect((await readModel.progress()).map(({ name, position }) => `${name} ${position}`)).toEqual(['C 3', 'a 2', 'b 1'])
      expect((await readModel.progress(['b', 'none', 'C'])).map(({ name }) => name)).toEqual(['C', 'b'])
      expect(await readModel.progress([])).toEqual([])
    },
  },
  {
    title: 'moves a subscription to a position with its table empty, and its owner loses it',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1', 'a')
      await committed(readModel, page({ epoch, rows: [row('o1', 1)], park: [parking('o1')] }))
      await readModel.suspect('orders_v1', epoch, { position: 11, key: null, times: 1 })
      await readModel.reset('orders_v1', 3)
      expect(await everythingOf(readModel)).toMatchObject({ rows: [], parked: [], progress: [{ position: 3 }] })
      expect(await readModel.renew('orders_v1', epoch, TTL_MS)).toBeFalse()
      for (const from of [3, 10]) expect(await readModel.commit(page({ epoch, from, to: 20, rows: [row('z', 11)] }))).toBeFalse()
      const lease = await acquired(readModel, 'orders_v1', 'b')
      expect(lease).toMatchObject({ position: 3, takeovers: 0, suspect: null })
      await committed(readModel, page({ epoch: lease.epoch, from: 3, rows: [row('o1', 4)] }))
      await readModel.reset('new', 5)
      expect(await acquired(readModel, 'new', 'a', 1)).toMatchObject({ position: 5 })
    },
  },
  {
    title: 'refuses whoever had a lease before a drop, though all begins anew',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const zombie = await acquired(readModel, 'orders_v1', 'a')
      await readModel.drop('orders_v1')
      await readModel.prepare([orders])
      expect(await readModel.commit(page({ epoch: zombie.epoch, rows: [row('z', 1)] }))).toBeFalse()
      await acquired(readModel, 'orders_v1', 'b')
      expect(await readModel.commit(page({ epoch: zombie.epoch, rows: [row('z', 1)] }))).toBeFalse()
      expect((await readModel.count(orders, {})).found).toBe(0)
    },
  },
  {
    title: 'lets a table serve that has come as far as the one before it, and no other',
    run: async ({ readModel, reopen }) => {
      const names = ['orders_v1', 'orders_v2']
      await readModel.prepare(names.map(name => ({ ...orders, name })))
      const leases = await Promise.all(names.map(name => acquired(readModel, name)))
      const move = (i: number, from: number, to: number) =>
        committed(readModel, page({ name: names[i]!, epoch: leases[i]!.epoch, from, to }))
      expect(await readModel.serve('orders', 'orders_v1')).toBeTrue()
      expect(await readModel.serving('orders')).toBe('orders_v1')
      await move(0, 0, 10)
      await move(1, 0, 9)
      expect(await readModel.serve('orders', 'orders_v2')).toBeFalse()
      expect(await readModel.serving('orders')).toBe('orders_v1')
      expect(await readModel.serve('orders', 'orders_v1')).toBeTrue()
      await move(1, 9, 10)
      expect(await readModel.serve('orders', 'orders_v2')).toBeTrue()
      await move(1, 10, 11)
      expect(await readModel.serve('orders', 'orders_v1')).toBeFalse()
      expect(await readModel.serve('orders', 'never_was')).toBeFalse()
      expect(await readModel.serving('customers')).toBeNull()
      expect(await (await reopen()).serving('orders')).toBe('orders_v2')
    },
  },
]

const parking_: readonly ReadModelCase[] = [
  {
    title: 'parks keys and streams with their cause, and shows it with the rows of those keys',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const other = await acquired(readModel, 'plain_v1')
      const park = [parking('o2', 7), { ...parking('o1', 8), kind: 'stream' as const, cause: 'it\'s "broken"\n\\n 絵' }]
      await committed(readModel, page({ epoch, rows: [row('o1', 1), row('o2', 2)], park }))
      await committed(
        readModel,
        page({ name: 'plain_v1', epoch: other.epoch, rows: [{ ...row('o2', 1), fields: [] }], park: [parking('o9', 3)] }),
      )
      const found = await readModel.parked('orders_v1')
      expect(found.map(({ at, ...rest }) => rest)).toEqual(park.map(one => ({ ...one, name: 'orders_v1', again: null })))
      expect(found.every(({ at }) => new Date(at).toISOString() === at)).toBeTrue()
      expect((await readModel.parked()).map(({ name, key }) => `${name} ${key}`)).toEqual([
        'orders_v1 o2',
        'orders_v1 o1',
        'plain_v1 o9',
      ])
      expect((await readModel.get(orders, 'o1')).found?.parked).toBeNull()
      expect((await readModel.get(orders, 'o2')).found?.parked).toBe(7)
      expect((await readModel.list(orders, everything)).found.map(({ parked }) => parked)).toEqual([null, 7])
      expect(sortedByKey(await readModel.rows(orders, ['o1', 'o2'])).map(({ parked }) => parked)).toEqual([null, 7])
      expect((await readModel.list(plain, everything)).found.map(({ parked }) => parked)).toEqual([null])
    },
  },
  {
    title: 'asks for what is parked to be folded again, one key or all, and forgets what a page takes back',
    run: async ({ readModel, reopen }) => {
      const { epoch } = await acquired(readModel, 's')
      await committed(readModel, page({ name: 's', epoch, park: ['a', 'b', 'c'].map(key => parking(key)) }))
      const other = await acquired(readModel, 't')
      await committed(readModel, page({ name: 't', epoch: other.epoch, park: [parking('a')] }))
      const again = async (model: ReadModel) =>
        (await model.parked()).filter(({ again }) => again).map(({ name, key, again }) => `${name} ${key} ${again}`)
      expect(await readModel.unpark('s', 'none')).toBe(0)
      expect(await readModel.unpark('s', 'b', 'skip')).toBe(1)
      expect(await again(readModel)).toEqual(['s b skip'])
      expect(await readModel.unpark('s')).toBe(3)
      const reopened = await reopen()
      expect(await again(reopened)).toEqual(['s a whole', 's b whole', 's c whole'])
      const moved = {
        name: 's',
        epoch,
        from: 10,
        to: 20,
        unpark: [parking('a'), parking('b')],
        park: [{ ...parking('b', 15), cause: 'again' }],
      }
      await committed(reopened, page(moved))
      expect((await reopened.parked('s')).map(({ key, position, cause, again }) => ({ key, position, cause, again }))).toEqual([
        { key: 'c', position: 5, cause: 'TypeError', again: 'whole' },
        { key: 'b', position: 15, cause: 'again', again: null },
      ])
      expect(await reopened.parked('t')).toHaveLength(1)
      await committed(reopened, page({ name: 's', epoch, from: 20, to: 30, unpark: [{ kind: 'stream', key: 'b' }] }))
      expect(await reopened.parked('s')).toHaveLength(2)
    },
  },
  {
    title:
      'says with what is read where it has stopped: a row at its own event or a stream, a list and a count at the first of all',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const other = await acquired(readModel, 'plain_v1')
      await committed(readModel, page({ name: 'plain_v1', epoch: other.epoch, park: [parking('o1', 1)] }))
      const stopped = async (key: string) => [
        (await readModel.get(orders, key)).parked,
        (await readModel.list(orders, everything)).parked,
        (await readModel.list(orders, { ...everything, where: { status: 'none' } })).parked,
        (await readModel.count(orders, {})).parked,
        (await readModel.count(orders, { status: 'none' })).parked,
      ]
      let from = 0
      const move = async (changed: Partial<NewPage>) => {
        await committed(readModel, page({ epoch, from, to: from + 10, ...changed }))
        from += 10
      }
      await move({ rows: [row('o1', 1), row('o2', 2)] })
      expect(await stopped('o1')).toEqual([null, null, null, null, null])
      await move({ park: [parking('o2', 17), parking('absent', 15)] })
      expect(await stopped('o1')).toEqual([null, 15, 15, 15, 15])
      expect(await stopped('o2')).toEqual([17, 15, 15, 15, 15])
      expect(await stopped('absent')).toEqual([15, 15, 15, 15, 15])
      await move({ park: [{ ...parking('o1', 16), kind: 'stream' }] })
      expect(await stopped('o1')).toEqual([16, 15, 15, 15, 15])
      expect(await stopped('o2')).toEqual([16, 15, 15, 15, 15])
      expect(await stopped('absent')).toEqual([15, 15, 15, 15, 15])
      await move({ unpark: [parking('absent'), { kind: 'stream', key: 'o1' }] })
      expect(await stopped('absent')).toEqual([null, 17, 17, 17, 17])
      expect((await readModel.list(plain, everything)).parked).toBe(1)
      await readModel.reset('orders_v1', 0)
      expect(await stopped('o2')).toEqual([null, null, null, null, null])
    },
  },
  {
    title: 'counts what is parked of each subscription',
    run: async ({ readModel }) => {
      expect(await readModel.parkedCounts()).toEqual([])
      const { epoch } = await acquired(readModel, 's')
      const park = [parking('a'), parking('b'), { ...parking('a'), kind: 'stream' as const }]
      await committed(readModel, page({ name: 's', epoch, park }))
      const other = await acquired(readModel, 'r')
      await committed(readModel, page({ name: 'r', epoch: other.epoch, park: [{ ...parking('z'), kind: 'stream' }] }))
      expect(await readModel.parkedCounts()).toEqual([
        { name: 'r', keys: 0, streams: 1 },
        { name: 's', keys: 2, streams: 1 },
      ])
    },
  },
]

const reading: readonly ReadModelCase[] = [
  {
    title: 'refuses to filter and sort by a field that is no index, and a value of another kind',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const asked: readonly Partial<ListOptions>[] = [
        { where: { other: 1 } },
        { where: { Status: 'new' } },
        { where: { '"; drop table events; --': 1 } },
        { where: { status: 1 } },
        { where: { total: '1' } },
        { sort: { field: 'other', descending: false } },
        { sort: { field: 'total', descending: false }, after: { value: 'x', key: 'o1' } },
      ]
      for (const one of asked)
        expect(await failure(readModel.list(orders, { ...everything, ...one })), Bun.inspect(one)).toBeInstanceOf(TypeError)
      expect(await failure(readModel.count(orders, { other: 1 }))).toBeInstanceOf(TypeError)
      expect(await failure(readModel.count(plain, { status: 'new' }))).toBeInstanceOf(TypeError)
    },
  },
  {
    title: 'finds nothing by a text that no row can hold',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      await committed(readModel, page({ epoch, rows: [row('a', 1), { ...row('\ufffd', 1), fields: ['\ufffd', null] }] }))
      for (const text of ['a\0', '\0', '\ud800', '\udc00']) {
        expect(await readModel.get(orders, text)).toEqual({ found: null, position: 10, parked: null })
        expect(await readModel.rows(orders, [text])).toEqual([])
        expect((await readModel.list(orders, { ...everything, where: { status: text } })).found).toEqual([])
        expect((await readModel.count(orders, { status: text })).found).toBe(0)
      }
    },
  },
  {
    title: 'lists rows in any order it has an index for, from any row on, as a sorted array would, whatever the values are',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const rows: readonly NewRow[] = texts
        .toSorted(compareText)
        .flatMap((text, i) =>
          [0, 1, 2].map(n => ({
            key: `${text}${n}`,
            position: i + 1,
            data: '{}',
            fields: [statuses[(i + n) % statuses.length]!, amounts[(i * n) % amounts.length]!],
          })),
        )
        .toSorted((one, other) => compareText(one.key, other.key))
      await committed(readModel, page({ epoch, rows }))
      const wheres: readonly ListOptions['where'][] = [
        {},
        ...statuses.map(status => ({ status })),
        ...amounts.map(total => ({ total })),
        { status: statuses[1]!, total: amounts[1]! },
        { status: null, total: null },
      ]
      for (const where of wheres)
        for (const sort of sorts) {
          const wanted = sorted(rows, where, sort)
          expect((await readModel.count(orders, where)).found).toBe(wanted.length)
          // Each page of 7, and then from each of some rows on.
          expect(await paged(readModel, where, sort), Bun.inspect({ where, sort })).toEqual(wanted.map(({ key }) => key))
        }
      for (const sort of sorts)
        for (const [i, after] of sorted(rows, {}, sort).entries()) {
          const { found } = await readModel.list(orders, { where: {}, sort, after: placeOf(after, sort), limit: 3 })
          expect(found.map(({ key }) => key)).toEqual(
            sorted(rows, {}, sort)
              .slice(i + 1, i + 4)
              .map(({ key }) => key),
          )
        }
    },
  },
  {
    title: 'goes on behind a row that is no longer there',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const totals = [null, null, 1, 1, 2, 3]
      await committed(readModel, page({ epoch, rows: totals.map((total, i) => ({ ...row(`k${i}`, 1), fields: ['s', total] })) }))
      const after = async (descending: boolean, value: Value, key: string) =>
        (await readModel.list(orders, { where: {}, sort: { field: 'total', descending }, after: { value, key }, limit: 9 })).found
          .map(({ key }) => key[1])
          .join('')
      expect(await after(false, 1.5, 'a')).toBe('45')
      expect(await after(true, 1.5, 'a')).toBe('3210')
      expect(await after(false, null, 'k0x')).toBe('12345')
      expect(await after(true, null, 'k0x')).toBe('0')
      expect(await after(false, 1, 'k2x')).toBe('345')
      expect(await after(true, 1, 'k2x')).toBe('210')
    },
  },
]

const properties: readonly ReadModelCase[] = [
  {
    title: 'has after any pages what a map has that they were applied to',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquired(readModel, 'orders_v1')
      const model = new Map<string, NewRow>()
      const parked = new Map<string, number>()
      let position = 0
      const key = fc.constantFrom(...texts.slice(0, 12))
      const rows = fc.uniqueArray(
        fc.record({
          key,
          data: fc.option(fc.json({ maxDepth: 1 }), { freq: 3 }),
          fields: fc.tuple(fc.constantFrom(...statuses), fc.constantFrom(...amounts)),
        }),
        { selector: ({ key }) => key, maxLength: 8 },
      )
      const pages = fc.record({
        rows,
        park: fc.uniqueArray(key, { maxLength: 2 }),
        unpark: fc.uniqueArray(key, { maxLength: 3 }),
        stale: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(pages, async ({ rows, park, unpark, stale }) => {
          const to = position + 1
          const next = page({
            epoch,
            from: stale ? position + 1 : position,
            to,
            rows: rows.map(row => ({ ...row, position: to })).toSorted((one, other) => compareText(one.key, other.key)),
            park: park.map(key => parking(key, to)),
            unpark: unpark.map(key => parking(key)),
          })
          expect(await readModel.commit(next)).toBe(!stale)
          if (stale) return
          position = to
          for (const row of next.rows) {
            if (row.data === null) model.delete(row.key)
            else model.set(row.key, row)
          }
          for (const key of unpark) parked.delete(key)
          for (const key of park) parked.set(key, to)
          const { found, position: at } = await readModel.list(orders, everything)
          expect(at).toBe(position)
          expect(found).toEqual(expected(model, parked))
        }),
        { numRuns: 60 },
      )
      const reopened = await reopen()
      expect((await reopened.list(orders, everything)).found).toEqual(expected(model, parked))
      for (const sort of sorts)
        expect(await paged(reopened, {}, sort)).toEqual(sorted([...model.values()], {}, sort).map(({ key }) => key))
    },
  },
]

export const readModelCases: readonly ReadModelCase[] = [
  tables, leases, pages, progress, parking_, reading, properties,
].flat() // biome-ignore format: one list

const everything: ListOptions = { where: {}, sort: null, after: null, limit: 1_000 }
const sorts: readonly ListOptions['sort'][] = [
  null,
  ...orders.indexes.flatMap(({ field }) => [false, true].map(descending => ({ field, descending }))),
]
const numbers = [0, 1, -1, 0.1, 1e21, -1e-7, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE]
const amounts: readonly (number | null)[] = [null, 0, 1, -2.5, 1e21]
const statuses: readonly (string | null)[] = [null, '', 'a', '\uffff', '\u{10000}']
/** In an order in which neither UTF-16 nor any language would have them. */
const texts = [
  'b', 'B', 'a', 'A', 'a\u0308', 'ä', 'z', '絵', '\ue000', '\uffff', '\u{10000}', '😀', '', ' ', "it's", '"quoted"', 'a,b', '{a}', 'a\nb', 'back\\slash', 'NULL',
  'null', '\t', '\u0001', '\u001f', '%', '_', '__proto__', '$1', '--',
] // biome-ignore format: one list

function row(key: string, position: number): NewRow {
  return { key, position, data: `{"key":${JSON.stringify(key)}}`, fields: ['new', position] }
}

function storedRow(key: string, position: number): StoredRow {
  return { key, position, data: row(key, position).data!, parked: null }
}

function page(changed: Partial<NewPage> & Pick<NewPage, 'epoch'>): NewPage {
  return { name: 'orders_v1', from: 0, to: 10, ttlMs: TTL_MS, rows: [], park: [], unpark: [], ...changed }
}

function parking(key: string, position = 5): NewPage['park'][number] {
  return { kind: 'key', key, position, cause: 'TypeError' }
}

async function acquired(readModel: ReadModel, name: string, owner = 'a', start = 0): Promise<Lease> {
  const lease = await readModel.acquire(name, { owner, ttlMs: TTL_MS, start })
  if (!lease) throw new Error(`expected ${owner} to get the lease of ${name}`)
  return lease
}

async function committed(readModel: ReadModel, page: NewPage): Promise<void> {
  expect(await readModel.commit(page), `the page of ${page.name} to ${page.to}`).toBeTrue()
}

async function everythingOf(
  readModel: ReadModel,
): Promise<{ rows: readonly StoredRow[]; progress: readonly unknown[]; parked: readonly Parked[] }> {
  return {
    rows: (await readModel.list(orders, everything)).found,
    progress: await readModel.progress(),
    parked: await readModel.parked(),
  }
}

function expected(model: ReadonlyMap<string, NewRow>, parked: ReadonlyMap<string, number>): readonly StoredRow[] {
  return [...model.values()]
    .map(({ key, position, data }) => ({ key, position, data: data!, parked: parked.get(key) ?? null }))
    .toSorted((one, other) => compareText(one.key, other.key))
}

/** All keys of a list, read in pages, each behind the last row of the one before. */
async function paged(readModel: ReadModel, where: ListOptions['where'], sort: ListOptions['sort']): Promise<readonly string[]> {
  const keys: string[] = []
  const fields = new Map<string, NewRow['fields']>()
  for (let after: ListOptions['after'] = null; ; ) {
    const { found } = await readModel.list(orders, { where, sort, after, limit: 7 })
    keys.push(...found.map(({ key }) => key))
    if (found.length < 7) return keys
    const last = found.at(-1)!.key
    if (sort && !fields.has(last)) await fieldOf(readModel, last, fields)
    after = { value: sort ? fields.get(last)![sort.field === 'status' ? 0 : 1]! : null, key: last }
  }
}

/** What a row's fields are, found by asking, as rows are read without them. */
async function fieldOf(readModel: ReadModel, key: string, fields: Map<string, NewRow['fields']>): Promise<void> {
  for (const status of statuses)
    for (const total of amounts) {
      const { found } = await readModel.list(orders, { ...everything, where: { status, total } })
      for (const row of found) fields.set(row.key, [status, total])
    }
  if (!fields.has(key)) throw new Error(`expected to find ${key} by its fields`)
}

function sorted(rows: readonly NewRow[], where: ListOptions['where'], sort: ListOptions['sort']): readonly NewRow[] {
  const sign = sort?.descending ? -1 : 1
  return rows
    .filter(({ fields }) => orders.indexes.every(({ field }, i) => !(field in where) || where[field] === fields[i]))
    .toSorted((one, other) => {
      const [a, b] = [placeOf(one, sort), placeOf(other, sort)]
      return sign * (compareNullsFirst(a.value, b.value) || compareText(a.key, b.key))
    })
}

function placeOf({ key, fields }: NewRow, sort: ListOptions['sort']): { value: Value; key: string } {
  return { value: sort ? fields[orders.indexes.findIndex(({ field }) => field === sort.field)]! : null, key }
}

function compareNullsFirst(one: Value, other: Value): number {
  if (one === other) return 0
  if (one === null) return -1
  if (other === null) return 1
  if (typeof one === 'string') return compareText(one, other as string) // Both are of one index, and so of one kind.
  return one < (other as number) ? -1 : 1
}

function sortedByKey(rows: readonly StoredRow[]): readonly StoredRow[] {
  return rows.toSorted((one, other) => compareText(one.key, other.key))
}

function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => null,
    (error: unknown) => error,
  )
}
