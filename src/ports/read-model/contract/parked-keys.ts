// A parked key is recorded with its cause, and shown wherever its row is read.
import { expect } from 'bun:test'
import type { NewPage } from '../progress.ts'
import type { ReadModel } from '../read-model.ts'
import { filterByValues } from '../filter.ts'
import type { ListOptions } from '../rows.ts'
import type { ReadModelCase } from './case.ts'
import { acquireLease, commitPage, everything, orders, page, buildParked, plain, row, sortByKey } from './builders.ts'

export const parkedKeys: readonly ReadModelCase[] = [
  {
    title: 'parks keys and streams with their cause, and shows it with the rows of those keys',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const other = await acquireLease(readModel, 'plain_v1')
      const park = [
        buildParked('o2', 7),
        { ...buildParked('o1', 8), kind: 'stream' as const, cause: 'it\'s "broken"\n\\n 絵', reader: 'r1' },
      ]
      await commitPage(readModel, page({ epoch, rows: [row('o1', 1), row('o2', 2)], park }))
      await commitPage(
        readModel,
        page({ name: 'plain_v1', epoch: other.epoch, rows: [{ ...row('o2', 1), fields: [] }], park: [buildParked('o9', 3)] }),
      )
      const found = await readModel.parked('orders_v1')
      expect(found.map(({ at, ...rest }) => rest)).toEqual(
        park.map(one => ({ reader: null, ...one, name: 'orders_v1', again: null })),
      )
      expect(found.every(({ at }) => new Date(at).toISOString() === at)).toBeTrue()
      expect((await readModel.parked()).map(({ name, key }) => `${name} ${key}`)).toEqual([
        'orders_v1 o2',
        'orders_v1 o1',
        'plain_v1 o9',
      ])
      expect((await readModel.get(orders, 'o1')).found?.parked).toBeNull()
      expect((await readModel.get(orders, 'o2')).found?.parked).toBe(7)
      expect((await readModel.list(orders, everything)).found.map(({ parked }) => parked)).toEqual([null, 7])
      expect(sortByKey(await readModel.rows(orders, ['o1', 'o2'])).map(({ parked }) => parked)).toEqual([null, 7])
      expect((await readModel.list(plain, everything)).found.map(({ parked }) => parked)).toEqual([null])
    },
  },
  {
    title: 'asks for what is parked to be folded again, one key or all, and forgets what a page takes back',
    run: async ({ readModel, reopen }) => {
      const { epoch } = await acquireLease(readModel, 's')
      await commitPage(
        readModel,
        page({ name: 's', epoch, park: ['a', 'b', 'c'].map(key => ({ ...buildParked(key), reader: 'r1' })) }),
      )
      const other = await acquireLease(readModel, 't')
      await commitPage(readModel, page({ name: 't', epoch: other.epoch, park: [buildParked('a')] }))
      const listRetried = async (model: ReadModel) =>
        (await model.parked()).filter(({ again }) => again).map(({ name, key, again }) => `${name} ${key} ${again}`)
      expect(await readModel.unpark('s', 'none')).toBe(0)
      expect(await readModel.unpark('s', 'b', 'skip')).toBe(1)
      expect(await listRetried(readModel)).toEqual(['s b skip'])
      expect(await readModel.unpark('s')).toBe(3)
      const reopened = await reopen()
      expect(await listRetried(reopened)).toEqual(['s a whole', 's b whole', 's c whole'])
      const moved = {
        name: 's',
        epoch,
        from: 10,
        to: 20,
        unpark: [buildParked('a'), buildParked('b')],
        park: [{ ...buildParked('b', 15), cause: 'again' }],
      }
      await commitPage(reopened, page(moved))
      expect((await reopened.parked('s')).map(({ name, at, kind, ...rest }) => rest)).toEqual([
        { key: 'c', position: 5, cause: 'TypeError', again: 'whole', reader: 'r1' },
        { key: 'b', position: 15, cause: 'again', again: null, reader: null },
      ])
      expect(await reopened.parked('t')).toHaveLength(1)
      await commitPage(reopened, page({ name: 's', epoch, from: 20, to: 30, unpark: [{ kind: 'stream', key: 'b' }] }))
      expect(await reopened.parked('s')).toHaveLength(2)
    },
  },
  {
    title:
      'says with what is read where it has stopped: a row at its own event or at that of a stream, a list and a count at the first of all',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const other = await acquireLease(readModel, 'plain_v1')
      await commitPage(readModel, page({ name: 'plain_v1', epoch: other.epoch, park: [buildParked('o1', 1)] }))
      const readStopped = async (key: string, streams?: readonly string[]) => [
        await readModel.get(orders, key, streams).then(({ parked, parkedStream }) => [parked, parkedStream]),
        (await readModel.list(orders, everything)).parked,
        (await readModel.list(orders, { ...everything, where: filterByValues({ status: 'none' }) })).parked,
        (await readModel.count(orders, [])).parked,
        (await readModel.count(orders, filterByValues({ status: 'none' }))).parked,
      ]
      let from = 0
      const move = async (changed: Partial<NewPage>) => {
        await commitPage(readModel, page({ epoch, from, to: from + 10, ...changed }))
        from += 10
      }
      await move({ rows: [row('o1', 1), row('o2', 2)] })
      expect(await readStopped('o1')).toEqual([[null, null], null, null, null, null])
      await move({ park: [buildParked('o2', 17), buildParked('absent', 15)] })
      expect(await readStopped('o1')).toEqual([[null, null], 15, 15, 15, 15])
      expect(await readStopped('o2')).toEqual([[17, null], 15, 15, 15, 15])
      expect(await readStopped('absent')).toEqual([[15, null], 15, 15, 15, 15])
      const streams = ['"s\\-1', 'o1'].map((key, i) => ({ ...buildParked(key, 16 + 2 * i), kind: 'stream' as const }))
      await move({ park: streams })
      expect(await readStopped('o1')).toEqual([[null, 16], 15, 15, 15, 15])
      expect(await readStopped('o2', ['o2', 'o1', '\0'])).toEqual([[17, 16], 15, 15, 15, 15])
      expect(await readStopped('o2', ['o1', '"s\\-1'])).toEqual([[16, null], 15, 15, 15, 15])
      expect(await readStopped('o1', ['o1'])).toEqual([[18, 16], 15, 15, 15, 15])
      expect(await readStopped('absent', ['o2'])).toEqual([[15, 16], 15, 15, 15, 15])
      await move({ unpark: [buildParked('absent'), ...streams] })
      expect(await readStopped('absent')).toEqual([[null, null], 17, 17, 17, 17])
      expect((await readModel.list(plain, everything)).parked).toBe(1)
      await readModel.reset('orders_v1', 0)
      expect(await readStopped('o2')).toEqual([[null, null], null, null, null, null])
    },
  },
  {
    title: 'leaves the rows of parked keys out of a list and a count that ask for that, in every order and behind every row',
    run: async ({ readModel }) => {
      await readModel.prepare([orders, plain])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const other = await acquireLease(readModel, 'plain_v1')
      const rows = ['o1', 'o2', 'o3', 'o4', 'o5'].map((key, i) => ({ ...row(key, i + 1), fields: [i % 2 ? 'new' : null, 5 - i] }))
      const stream = { ...buildParked('o4', 9), kind: 'stream' as const }
      await commitPage(readModel, page({ epoch, rows, park: ['o1', 'o2', 'absent'].map(key => buildParked(key)).concat(stream) }))
      await commitPage(readModel, page({ name: 'plain_v1', epoch: other.epoch, park: [buildParked('o3')] }))
      const listKeys = async (options: Partial<ListOptions>) =>
        (await readModel.list(orders, { ...everything, skipsParked: true, ...options })).found.map(({ key }) => key).join()
      const byTotal = (descending: boolean) => ({ field: 'total', descending })
      const byStatus = { field: 'status', descending: false }
      expect(await listKeys({})).toBe('o3,o4,o5')
      expect(await listKeys({ skipsParked: false })).toBe('o1,o2,o3,o4,o5')
      expect(await listKeys({ limit: 2 })).toBe('o3,o4')
      expect(await listKeys({ sort: [byTotal(false)] })).toBe('o5,o4,o3')
      expect(await listKeys({ sort: [byTotal(true)], limit: 1 })).toBe('o3')
      expect(await listKeys({ sort: [byTotal(true)], after: { values: [5], key: 'o1' } })).toBe('o3,o4,o5')
      expect(await listKeys({ sort: [byStatus], after: { values: [null], key: 'o1' } })).toBe('o3,o5,o4')
      expect(await listKeys({ where: filterByValues({ status: 'new' }) })).toBe('o4')
      expect(await listKeys({ where: filterByValues({ status: 'new' }), after: { values: [], key: 'o1' } })).toBe('o4')
      const countAll = async (where: ListOptions['where']) => [
        (await readModel.count(orders, where, { skipsParked: true })).found,
        (await readModel.count(orders, where)).found,
      ]
      expect(await countAll([])).toEqual([3, 5])
      expect(await countAll(filterByValues({ status: 'new' }))).toEqual([1, 2])
      expect(await countAll(filterByValues({ status: null, total: 5 }))).toEqual([0, 1])
      expect(await countAll(filterByValues({ status: 'none' }))).toEqual([0, 0])
    },
  },
  {
    title: 'keeps since when an owner handles a key again, and takes the time of a request',
    run: async ({ readModel, reopen }) => {
      const { epoch } = await acquireLease(readModel, 's')
      const since = Date.parse('2026-01-02T03:04:05.678Z')
      const park = [
        { ...buildParked('a'), retrySince: since },
        { ...buildParked('b'), retrySince: since },
      ]
      await commitPage(readModel, page({ name: 's', epoch, park }))
      const reopened = await reopen()
      const [a] = await reopened.parked('s')
      expect(a).toMatchObject({ key: 'a', again: 'whole', at: '2026-01-02T03:04:05.678Z' })
      await reopened.unpark('s', 'a')
      expect(Date.parse((await reopened.parked('s'))[0]!.at)).not.toBe(since)
      expect(await reopened.parkedCounts()).toEqual([{ name: 's', keys: 0, streams: 0, retrying: 2 }])
      await commitPage(reopened, page({ name: 's', epoch, from: 10, to: 20, park: [buildParked('b')] }))
      expect(await reopened.parkedCounts()).toEqual([{ name: 's', keys: 1, streams: 0, retrying: 1 }])
      expect((await reopened.parked('s')).find(({ key }) => key === 'b')).toMatchObject({ again: null })
    },
  },
  {
    title: 'counts what is parked of each subscription',
    run: async ({ readModel }) => {
      expect(await readModel.parkedCounts()).toEqual([])
      const { epoch } = await acquireLease(readModel, 's')
      const park = [buildParked('a'), buildParked('b'), { ...buildParked('a'), kind: 'stream' as const }]
      await commitPage(readModel, page({ name: 's', epoch, park }))
      const other = await acquireLease(readModel, 'r')
      await commitPage(readModel, page({ name: 'r', epoch: other.epoch, park: [{ ...buildParked('z'), kind: 'stream' }] }))
      expect(await readModel.parkedCounts()).toEqual([
        { name: 'r', keys: 0, streams: 1, retrying: 0 },
        { name: 's', keys: 2, streams: 1, retrying: 0 },
      ])
    },
  },
]
