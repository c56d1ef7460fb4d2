// SQL projections on SQLite: a page and its checkpoint are one transaction, what fails is parked, and each version has its tables.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { sqlProjection } from '../definitions/projection/sql-projection.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { sqlite } from '../adapters/sqlite/index.ts'
import type { NewPage } from '../ports/read-model/progress.ts'
import type { Store } from '../ports/store/store.ts'
import { memory } from '../ports/store/memory.ts'
import type { Notice } from '../ports/report/notice.ts'
import { until as becomes } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const Sale = events('sale', { Sold: z.object({ day: z.string(), cents: z.int() }) })
const sale = decider(Sale, {
  initial: {},
  evolve: { Sold: s => s },
  commands: { sell: z.object({ day: z.string(), cents: z.int() }) },
  decide: { sell: (_, data) => Sale.Sold(data) },
})
let isMended = false
let isFull = false
const report = (version = 1) =>
  sqlProjection('report', {
    from: Sale,
    version,
    create: ({ sql, t }: { sql: Database; t: (table: string) => string }) => {
      sql.run(`drop table if exists ${t('days')}`)
      sql.run(`create table ${t('days')} (day text primary key, cents integer not null)`)
    },
    handle: (events, { sql, t }) => {
      if (isFull) fill(sql)
      for (const { data } of events) {
        const write = `insert into ${t('days')} values (?, ?) on conflict (day) do update set cents = cents + excluded.cents`
        sql.query(write).run(data.day, data.cents * version)
        if (data.cents === 13 && !isMended) throw new Error('thirteen')
      }
    },
  })

/** Makes the database throw that it is full. */
function fill(sql: Database): void {
  const { max_page_count: before } = sql.query('pragma max_page_count').get() as { max_page_count: number }
  sql.run('pragma max_page_count = 1')
  try {
    sql.run('create table filling (x)')
    sql.run('insert into filling values (zeroblob(1000000))')
  } finally {
    sql.run(`pragma max_page_count = ${before}`)
  }
}

/** A store that counts the pages that it is asked to write. */
function countPages(inner: Store) {
  let pages = 0
  const commit = (page: NewPage) => {
    pages++
    return inner.readModel.commit(page)
  }
  const readModel = new Proxy(inner.readModel, {
    get: (target, name) => (name === 'commit' ? commit : Reflect.get(target, name)),
  })
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = name === 'readModel' ? readModel : Reflect.get(target, name)
      return typeof value === 'function' ? (...args: unknown[]) => Reflect.apply(value, target, args) : value
    },
  })
  return { store, pages: () => pages }
}

let folder: string
const closing: Runtime[] = []
beforeEach(() => {
  isMended = false
  isFull = false
  folder = mkdtempSync(join(tmpdir(), 'emaki-sql-projection-'))
})
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
  rmSync(folder, { recursive: true })
})

async function run(version?: number, store: Store = sqlite(join(folder, 'log.db'))): Promise<Runtime> {
  const emaki = await runtime({ serve: [sale, report(version)], store, leaseMs: 1_000 })
  closing.push(emaki)
  return emaki
}
function days(table = 'sql_report_v1_days'): Record<string, number> {
  using db = new Database(join(folder, 'log.db'), { readonly: true })
  const rows = db.query<{ day: string; cents: number }, []>(`select * from ${table} order by day`).all()
  return Object.fromEntries(rows.map(({ day, cents }) => [day, cents]))
}

describe('a SQL projection', () => {
  test('a SQL projection counts each event once, also after it was ended in the middle', async () => {
    const emaki = await run()
    for (let i = 1; i <= 50; i++) await emaki.send(sale.sell(`s${i}`, { day: `d${i % 2}`, cents: 1 }))
    await closing.pop()!.close()
    const again = await run()
    for (let i = 51; i <= 60; i++) await again.send(sale.sell(`s${i}`, { day: `d${i % 2}`, cents: 1 }))
    await untilProcessed(again, 60)
    expect(days()).toEqual({ d0: 30, d1: 30 })
  })

  test('a SQL projection writes nothing of what fails, parks its stream and goes on; unparked, it takes what it passed over', async () => {
    const emaki = await run()
    await emaki.append([
      { stream: 'sale-a', expect: 'any', events: [Sale.Sold({ day: 'd', cents: 13 }), Sale.Sold({ day: 'd', cents: 5 })] },
    ])
    await emaki.send(sale.sell('b', { day: 'd', cents: 1 }))
    await untilProcessed(emaki, 3)
    expect(days()).toEqual({ d: 1 })
    const { readModel } = emaki.store
    expect(await readModel.parked()).toMatchObject([
      { name: 'sql_report_v1', kind: 'stream', key: 'sale-a', position: 1, cause: 'Error: thirteen' },
    ])
    isMended = true
    await readModel.unpark('sql_report_v1')
    await becomes('nothing is parked', async () => (await readModel.parked()).length === 0)
    expect(days()).toEqual({ d: 19 })
  })

  test('a SQL projection halves a page that fails down to the event that does, and writes the others in few transactions', async () => {
    const { store, pages } = countPages(sqlite(join(folder, 'log.db')))
    const before = await runtime({ serve: [sale], store })
    for (let i = 0; i < 64; i++) await before.send(sale.sell(`s${i}`, { day: 'd', cents: i === 40 ? 13 : 1 }))
    await before.close()
    const emaki = await run(1, store)
    await untilProcessed(emaki, 64)
    expect(days()).toEqual({ d: 63 })
    expect((await store.readModel.parked()).map(({ key, position }) => [key, position])).toEqual([['sale-s40', 41]])
    expect(pages()).toBeLessThan(20)
  })

  test('a SQL projection parks nothing where the database fails for a while', async () => {
    isFull = true
    const emaki = await run()
    await emaki.send(sale.sell('a', { day: 'd', cents: 1 }))
    await becomes('it waits', async () => (await emaki.status())[0]?.failure?.includes('SQLITE_FULL') === true)
    isFull = false
    await untilProcessed(emaki, 1)
    expect([days(), await emaki.store.readModel.parked()]).toEqual([{ d: 1 }, []])
  })

  test('a SQL projection writes the events of a stream before the one that cannot be read, also where they share a page', async () => {
    const store = sqlite(join(folder, 'log.db'))
    await store.open()
    const { fingerprint: schema } = Sale[spec].types.get('Sold')!
    const sold = (data: string) => ({ id: Bun.randomUUIDv7(), type: 'Sold', schema, data, meta: '{}' })
    const written = [sold('{"day":"d","cents":1}'), { ...sold('{"day":7}'), schema: 'newer' }]
    await store.append([{ slices: [{ stream: 'sale-a', expect: 'any', events: written }], keys: [] }])
    const emaki = await runtime({ serve: [report()], store, leaseMs: 60_000, unreadableEvents: 'serve', report: () => {} })
    closing.push(emaki)
    await untilProcessed(emaki, 2)
    expect([days(), await store.readModel.parked()]).toMatchObject([{ d: 1 }, [{ kind: 'stream', key: 'sale-a', position: 2 }]])
  })

  test('a SQL projection parks a stream again that still cannot be read, and goes on', async () => {
    const reported: unknown[] = []
    const store = sqlite(join(folder, 'log.db'))
    const emaki = await runtime({ serve: [sale, report()], store, leaseMs: 60_000, report: error => reported.push(error) })
    closing.push(emaki)
    const unread = { id: Bun.randomUUIDv7(), type: 'Sold', schema: 'newer', data: '{"day":7}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'sale-a', expect: 'any', events: [unread] }], keys: [] }])
    await emaki.send(sale.sell('b', { day: 'd', cents: 1 }))
    await untilProcessed(emaki, 2)
    await store.readModel.unpark('sql_report_v1')
    await becomes('it was tried', async () => (await store.readModel.parked())[0]?.again === null)
    await emaki.send(sale.sell('b', { day: 'd', cents: 1 }))
    await untilProcessed(emaki, 3)
    expect([
      days(),
      (await store.readModel.parked()).map(({ key }) => key),
      reported.map(problem => (problem as Notice).code),
    ]).toEqual([{ d: 2 }, ['sale-a'], ['key-parked', 'key-unparked', 'key-parked']])
  })

  test('a SQL projection fills tables of its own in another version', async () => {
    const emaki = await run()
    await emaki.send(sale.sell('a', { day: 'd', cents: 2 }))
    await untilProcessed(emaki, 1)
    await closing.pop()!.close()
    await untilProcessed(await run(3), 1)
    expect([days(), days('sql_report_v3_days')]).toEqual([{ d: 2 }, { d: 6 }])
  })

  test('a SQL projection begins anew after a reset', async () => {
    const emaki = await run()
    await emaki.send(sale.sell('a', { day: 'd', cents: 2 }))
    await untilProcessed(emaki, 1)
    await emaki.reset('report')
    await becomes('it has come back', async () => (await emaki.store.readModel.progress(['sql_report_v1']))[0]?.position === 1)
    expect(days()).toEqual({ d: 2 })
  })

  test('a SQL projection is refused by a store that has no SQL', async () => {
    expect(runtime({ serve: [sale, report()], store: memory() })).rejects.toThrow('memory() has no SQL for report')
  })
})
