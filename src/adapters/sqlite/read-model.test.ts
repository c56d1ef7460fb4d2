import { filterByValues } from '../../ports/read-model/filter.ts'
import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readModelContract } from '../../ports/read-model/contract/index.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { ListOptions } from '../../ports/read-model/rows.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { copyEmptyLog } from '../../test-support/sqlite.ts'
import { sqlite } from './store.ts'

const left: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of left.splice(0).toReversed()) await undo()
})

readModelContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-rows-'))
  const file = await copyEmptyLog(folder)
  let ahead = 0
  const open = async () => {
    const store = sqlite(file, { now: () => Date.now() + ahead, exclusive: false })
    await store.open()
    return store
  }
  let current = await open()
  return {
    readModel: current.readModel,
    reopen: async () => {
      await current.close()
      current = await open()
      return current.readModel
    },
    advance: ms => {
      ahead += ms
    },
    close: async () => {
      await current.close()
      rmSync(folder, { recursive: true })
    },
  }
})

const orders: Table = {
  name: 'orders_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}
const page = (changed: Partial<NewPage> & Pick<NewPage, 'epoch'>): NewPage => ({
  ...{ name: 'orders_v1', from: 0, to: 10, ttlMs: 1_000, rows: [], park: [], unpark: [] },
  ...changed,
})
const row = (key: string) => ({ key, position: 1, data: '{}', fields: ['new', 1] })

describe('statements of a page', () => {
  test('a statement of a page is written with its rows and its checkpoint', async () => {
    const { store, epoch } = await openReadModel()
    const run = (db: unknown) => (db as Database).run('create table mine as select * from checkpoints')
    expect(await store.readModel.commit(page({ epoch, rows: [row('o1')], run }))).toBeTrue()
    expect(
      await store.readModel.commit(page({ epoch, from: 10, to: 20, run: db => (db as Database).run('delete from mine') })),
    ).toBeTrue()
    expect((await store.readModel.count(orders, [])).found).toBe(1)
  })

  test('a statement of a page is not run where the page is refused', async () => {
    const { store, epoch } = await openReadModel()
    let ran = 0
    for (const changed of [{ epoch: epoch - 1 }, { epoch, from: 5 }])
      expect(await store.readModel.commit(page({ ...changed, run: () => ran++ }))).toBeFalse()
    expect(ran).toBe(0)
  })

  test('a statement of a page that throws fails the page, with its own error as the cause, and leaves nothing of either', async () => {
    const { store, file, epoch } = await openReadModel()
    const createMine = (db: unknown) => (db as Database).run('create table mine (n)')
    const own = new Error('mine')
    const wrong: readonly [NonNullable<NewPage['run']>, unknown][] = [
      [db => { createMine(db); throw own }, own],
      [db => { createMine(db); createMine(db) }, expect.objectContaining({ name: 'SQLiteError', message: 'table mine already exists' })],
      [async db => { createMine(db); await null; throw own }, expect.objectContaining({ message: expect.stringContaining('may not be asynchronous') })],
    ] // biome-ignore format: one table
    for (const [run, error] of wrong) {
      expect(
        await store.readModel.commit(page({ epoch, rows: [row('o1')], run })).catch((thrown: Error) => thrown.cause),
      ).toEqual(error)
      expect(await store.readModel.get(orders, 'o1')).toEqual({ found: null, position: 0, parked: null, parkedStream: null })
    }
    using other = new Database(file)
    expect(other.query("select name from sqlite_schema where name = 'mine'").all()).toEqual([])
    expect(await store.readModel.commit(page({ epoch, rows: [row('o1')] }))).toBeTrue()
  })

  test('a statement of a page may not append or commit, as it is inside a transaction', async () => {
    const { store, epoch } = await openReadModel()
    let inside: Promise<unknown>[] = []
    const run = () => {
      inside = [
        store.readModel.commit(page({ epoch, from: 10, to: 20 })),
        store.readModel.reset('orders_v1', 0),
        store.readModel.drop('orders_v1'),
      ]
      for (const call of inside) call.catch(() => {})
    }
    expect(await store.readModel.commit(page({ epoch, rows: [row('o1')], run }))).toBeTrue()
    for (const call of inside) await expect(call).rejects.toMatchObject({ reason: 'refused' })
    expect(await store.readModel.get(orders, 'o1')).toMatchObject({ position: 10, found: { key: 'o1' } })
  })
})

describe('a lease', () => {
  test('a lease of a process that has ended is free for the next that serves the file, and kept beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emaki-lease-'))
    left.push(() => rmSync(folder, { recursive: true }))
    const acquireLease = async (owner: string, exclusive: boolean) => {
      const store = sqlite(join(folder, 'log.db'), { exclusive })
      await store.open()
      const lease = await store.readModel.acquire('orders_v1', { owner, ttlMs: 60_000, start: 0 })
      return { store, lease }
    }
    const dead = await acquireLease('dead', true)
    await dead.store.close()
    const beside = await acquireLease('beside', false)
    expect(beside.lease).toBeNull()
    const next = await acquireLease('next', true)
    expect(next.lease?.epoch).toBe(dead.lease!.epoch + 1)
    await Promise.all([beside.store.close(), next.store.close()])
  })
})

describe('a page while another process writes', () => {
  test('a page waits while another process writes, and reads do not', async () => {
    const { store, file, epoch } = await openReadModel()
    using other = new Database(file)
    other.run('begin immediate')
    let answered = false
    const commit = store.readModel.commit(page({ epoch, rows: [row('o1')] })).finally(() => {
      answered = true
    })
    for (let i = 0; i < 20; i++) await Bun.sleep(0)
    expect(await store.readModel.get(orders, 'o1')).toEqual({ found: null, position: 0, parked: null, parkedStream: null })
    expect(answered).toBeFalse()
    other.run('commit')
    expect(await commit).toBeTrue()
    expect((await store.readModel.get(orders, 'o1')).position).toBe(10)
  })
})

describe('the index of each list', () => {
  test('the index of each list finds and orders its rows, so that nothing is sorted and no table read through', async () => {
    const { store, file, epoch } = await openReadModel()
    await store.readModel.commit(page({ epoch, rows: [row('o1')] }))
    const prepared = spyOn(Database.prototype, 'prepare')
    left.push(() => prepared.mockRestore())
    const sorts = [null, ...orders.indexes.flatMap(({ field }) => [true, false].map(descending => ({ field, descending })))]
    for (const sort of sorts)
      for (const value of sort ? [sort.field === 'status' ? 'new' : 1, null] : [null])
        for (const where of [{}, { [sort?.field ?? 'status']: value }])
          for (const after of [null, { values: sort ? [value] : [], key: 'o0' }])
            await store.readModel.list(orders, { where: filterByValues(where), sort: sort ? [sort] : [], after, limit: 5 })
    await store.readModel.count(orders, filterByValues({ status: 'new' }))
    await store.readModel.rows(orders, ['o1'])
    await store.readModel.get(orders, 'o1')
    using db = new Database(file)
    const rows = prepared.mock.calls.map(([sql]) => sql).filter(sql => sql.includes('rows_orders_v1'))
    expect(rows.length).toBeGreaterThan(20)
    for (const sql of rows) {
      const values = Array.from({ length: sql.split('?').length - 1 }, () => 1)
      const steps = db
        .query<{ detail: string }, number[]>(`explain query plan ${sql}`)
        .all(...values)
        .map(({ detail }) => detail)
      expect(
        steps.filter(step => /TEMP B-TREE/.test(step) || /^SCAN r(?! USING (COVERING )?INDEX)/.test(step)),
        sql,
      ).toEqual([])
    }
    // The same check finds a list that no index orders.
    const sorted = db
      .query<{ detail: string }, []>("explain query plan select * from rows_orders_v1 r where f_status = 'new' order by position")
      .all()
    expect(sorted.some(({ detail }) => /TEMP B-TREE/.test(detail))).toBeTrue()
  })
})

describe('the plan of a filter', () => {
  const [status, total] = [{ field: 'status', descending: false } as const, { field: 'total', descending: true } as const]
  const above = { field: 'total', is: '>', value: 1 } as const
  const some = { field: 'status', is: 'one of', values: ['a', 'b'] } as const

  test.each<[string, Pick<ListOptions, 'where' | 'sort'>, string, string]>([
    ['a range', { where: [above], sort: [total] }, '2 (f_total>?)', ''],
    ['a range of two ends', { where: [above, { ...above, is: '<=' }], sort: [total] }, '2 (f_total>? AND f_total<?)', ''],
    ['a range in another order', { where: [above], sort: [] }, '2 (f_total>?)', 'ORDER BY'],
    ['a prefix', { where: [{ field: 'status', is: 'prefix', value: 'n' }], sort: [status] }, '1 (f_status>? AND f_status<?)', ''],
    ['one of some', { where: [some], sort: [status] }, '1 (f_status=?)', ''],
    ['one of some or null', { where: [{ ...some, values: ['a', null] }], sort: [] }, '1 (f_status=?)', 'ORDER BY'],
    ['an order by several fields', { where: [], sort: [status, total] }, '1', 'LAST 2 TERMS OF ORDER BY'],
    ['such an order of a range', { where: [above], sort: [total, status] }, '2 (f_total>?)', 'LAST 2 TERMS OF ORDER BY'],
  ])(
    '%s is found by its index: nothing is read through, and only what it leaves open is sorted',
    async (_, asked, index, sorted) => {
      const { store, file } = await openReadModel()
      const prepared = spyOn(Database.prototype, 'prepare')
      left.push(() => prepared.mockRestore())
      using db = new Database(file)
      for (const after of [null, { values: asked.sort.map(({ field }) => (field === 'total' ? 5 : 'b')), key: 'k' }]) {
        prepared.mockClear()
        await store.readModel.list(orders, { ...asked, after, limit: 5 })
        const lists = prepared.mock.calls.map(([sql]) => sql).filter(sql => sql.includes(' order by '))
        expect(lists.length).toBeGreaterThan(0)
        for (const sql of lists) {
          const values = Array.from({ length: sql.split('?').length - 1 }, () => 1)
          const steps = db.query<{ detail: string }, number[]>(`explain query plan ${sql}`).all(...values)
          const own = steps.map(({ detail }) => detail).filter(detail => /^(SEARCH|SCAN) r|TEMP/.test(detail))
          const named = own.map(detail => detail.replace(/.* USING INDEX rows_orders_v1_/, ''))
          // What comes behind a row is found by more conditions.
          if (after === null)
            expect(new Set(named)).toEqual(new Set([index, ...(sorted ? [`USE TEMP B-TREE FOR ${sorted}`] : [])]))
          else
            expect(
              own.filter(detail => /^SCAN r(?! USING INDEX rows_orders_v1_)/.test(detail)),
              sql,
            ).toEqual([])
        }
      }
    },
  )
})

async function openReadModel() {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-rows-'))
  const file = join(folder, 'log.db')
  const store = sqlite(file)
  await store.open()
  left.push(
    () => rmSync(folder, { recursive: true }),
    () => store.close(),
  )
  await store.readModel.prepare([orders])
  const { epoch } = (await store.readModel.acquire('orders_v1', { owner: 'a', ttlMs: 1_000, start: 0 }))!
  return { store, file, epoch }
}
