// A read model makes tables once, checks their names and indexes, and drops them whole.
import { filterByValues } from '../filter.ts'
import { expect } from 'bun:test'
import type { ReadModelCase } from './case.ts'
import {
  CALLERS,
  TTL_MS,
  acquireLease,
  commitPage,
  everything,
  failureOf,
  orders,
  page,
  buildParked,
  plain,
  row,
} from './builders.ts'

export const tables: readonly ReadModelCase[] = [
  {
    title: 'begins empty: no tables, no checkpoints, nothing parked, nothing serving',
    run: async ({ readModel }) => {
      expect(await readModel.tables()).toEqual([])
      expect(await readModel.progress()).toEqual([])
      expect(await readModel.progress(['orders_v1'])).toEqual([])
      expect(await readModel.parked()).toEqual([])
      expect(await readModel.serving('orders')).toBeNull()
      await readModel.prepare([orders])
      expect(await readModel.get(orders, 'o1')).toEqual({ found: null, position: 0, parked: null, parkedStream: null })
      expect(await readModel.list(orders, everything)).toEqual({ found: [], position: 0, parked: null })
      expect(await readModel.count(orders, [])).toEqual({ found: 0, position: 0, parked: null })
      expect(await readModel.rows(orders, ['o1'])).toEqual([])
      expect(await readModel.rows(orders, [])).toEqual([])
    },
  },
  {
    title: 'makes the tables that are missing, however many callers ask at once, and keeps what is in those that are there',
    run: async ({ readModel, reopen }) => {
      await Promise.all(Array.from({ length: CALLERS }, () => readModel.prepare([orders, plain])))
      expect(await readModel.tables()).toEqual(['orders_v1', 'plain_v1'])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      await commitPage(readModel, page({ epoch, rows: [row('o1', 1)] }))
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
        expect(await failureOf(readModel.prepare([{ name, indexes: [] }])), name).toBeInstanceOf(TypeError)
      for (const field of ['', '1a', 'a-b', 'a"b', 'a.b', 'é', `a${'x'.repeat(51)}`])
        expect(await failureOf(readModel.prepare([{ name: 'a', indexes: [{ field, kind: 'text' }] }])), field).toBeInstanceOf(
          TypeError,
        )
      const twice = [{ field: 'total', kind: 'number' } as const, { field: 'Total', kind: 'number' } as const]
      expect(await failureOf(readModel.prepare([{ name: 'a', indexes: twice }]))).toBeInstanceOf(TypeError)
      expect(await readModel.tables()).toEqual([])
      await readModel.prepare([orders])
      for (const indexes of [[], orders.indexes.toReversed(), orders.indexes.map(index => ({ ...index, kind: 'text' as const }))])
        expect(await failureOf(readModel.prepare([{ ...orders, indexes }]))).toMatchObject({
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
      const { epoch } = await acquireLease(readModel, widest.name)
      await commitPage(
        readModel,
        page({ name: widest.name, epoch, rows: [{ key: 'k', position: 1, data: '{}', fields: ['1', '2'] }] }),
      )
      expect((await readModel.count(widest, filterByValues({ [`g${long}`]: '2' }))).found).toBe(1)
    },
  },
  {
    title: 'forgets a table that is dropped, with its rows, checkpoint, lease and parked keys, and no other',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      for (const name of ['orders_v1', 'plain_v1']) {
        const { epoch } = await acquireLease(readModel, name)
        const fields = name === 'orders_v1' ? ['new', 1] : []
        await commitPage(readModel, page({ name, epoch, rows: [{ ...row('k', 1), fields }], park: [buildParked('p')] }))
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
