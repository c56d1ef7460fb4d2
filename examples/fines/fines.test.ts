// The fines by HTTP, against totals that are known. The real log is not part of the repository: FINES_CSV says where it is.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, app } from 'emaki/http'
import { memory } from 'emaki'
import { postgres } from 'emaki/postgres'
import { sqlite } from 'emaki/sqlite'
import { spec } from '../../src/definitions/event/events.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { type TestSchema, testSchema } from '../../src/test-support/schema.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { recordsOf } from '../../src/transfer/records.ts'
import served from './app.ts'
import fromCsv from './from-csv.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

const ROOT = join(import.meta.dir, '../..')
const REAL = process.env['FINES_CSV'] ?? join(ROOT, '../shared/data/traffic-fines.csv')
const SAMPLE = join(import.meta.dir, 'sample.csv')
/** Projecting all of it takes a few seconds on a busy machine. */

type Totals = {
  readonly events: number
  readonly counts: Readonly<Record<string, number>>
  readonly createdCents: number
  readonly expenseCents: number
  readonly dueCents: number
  readonly paidCents: number
  readonly unpaid: number
  readonly partly: number
  readonly fully: number
  readonly more: number
  readonly paths: number
  readonly frequent: { readonly path: string; readonly fines: number }
}

const REAL_TOTALS: Totals = {
  events: 34_724,
  counts: {
    Created: 10_000,
    Sent: 6_570,
    NotificationInserted: 4_635,
    PenaltyAdded: 4_635,
    Paid: 4_910,
    SentToCreditCollection: 3_387,
    AppealDateInserted: 232,
    AppealSentToPrefecture: 227,
    AppealResultReceived: 55,
    AppealResultNotified: 54,
    AppealedToJudge: 19,
  },
  createdCents: 34_558_000,
  expenseCents: 8_663_210,
  dueCents: 59_949_960,
  paidCents: 22_175_540,
  unpaid: 5_374,
  partly: 266,
  fully: 4_360,
  more: 58,
  paths: 44,
  frequent: { path: 'Created > Paid', fines: 3_428 },
}

/** Added up by hand. */
const SAMPLE_TOTALS: Totals = {
  events: 31,
  counts: {
    Created: 7,
    Sent: 5,
    NotificationInserted: 4,
    PenaltyAdded: 4,
    Paid: 5,
    SentToCreditCollection: 1,
    AppealDateInserted: 1,
    AppealSentToPrefecture: 1,
    AppealResultReceived: 1,
    AppealResultNotified: 1,
    AppealedToJudge: 1,
  },
  createdCents: 27_850,
  expenseCents: 7_260,
  dueCents: 51_235,
  paidCents: 20_850,
  unpaid: 3,
  partly: 1,
  fully: 3,
  more: 1,
  paths: 6,
  frequent: { path: 'Created > Paid', fines: 2 },
}

type Asked = <T>(path: string) => Promise<T>
type Page<R> = {
  readonly items: readonly (R & { readonly key: string })[]
  readonly next: string | null
  readonly count?: number
}
type Served = { readonly ask: Asked; readonly stop: () => Promise<void> }

/** A store with a file's events in it, served, and all its rows made. */
async function serveFines(store: Store, file: string, events: number): Promise<Served> {
  await store.open()
  const records = () => recordsOf({ file, format: 'csv', map: fromCsv, cause: 'test' })
  for await (const _ of store.import('fines', records, { fingerprint: file, onlyNew: true }));
  const fines: App = app({ ...served[spec].options, store })
  const emaki = await fines[spec].start()
  expect(await store.head()).toBe(events)
  await untilProcessed(emaki, events)
  await until('the rows are served', () => emaki.subscriptions.isReady)
  const ask: Asked = async <T>(path: string) => {
    const response = await fines.request(path)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  return { ask, stop: () => fines[spec].stop() }
}

/** All rows of a projection, page by page. */
async function rowsOf<R>(ask: Asked, projection: string): Promise<readonly (R & { readonly key: string })[]> {
  const rows: (R & { readonly key: string })[] = []
  for (let cursor = ''; ; ) {
    const page = await ask<Page<R>>(`/${projection}?limit=1000${cursor}`)
    rows.push(...page.items)
    if (page.next === null) return rows
    cursor = `&cursor=${page.next}`
  }
}

const countRows = async (ask: Asked, path: string) => (await ask<Page<object>>(`${path}&limit=1&count=true`)).count
const sum = <R>(rows: readonly R[], of: (row: R) => number) => rows.reduce((total, row) => total + of(row), 0)

/** Every total, from rows and from queries, which have to agree. Throws where one is another. */
async function expectTotals(ask: Asked, totals: Totals): Promise<void> {
  const { counts, createdCents, expenseCents, dueCents, paidCents, unpaid, partly, fully, more, paths, frequent } = totals
  type Activity = { readonly count: number; readonly cents: number }
  const activities = Object.fromEntries((await rowsOf<Activity>(ask, 'activities')).map(({ key, ...row }) => [key, row]))
  expect(Object.fromEntries(Object.entries(activities).map(([type, { count }]) => [type, count]))).toEqual({ ...counts })
  expect([activities['Created']?.cents, activities['Sent']?.cents, activities['Paid']?.cents]).toEqual([
    createdCents,
    expenseCents,
    paidCents,
  ])

  type Balance = { readonly dueCents: number; readonly paidCents: number }
  const balances = await rowsOf<Balance>(ask, 'balances')
  expect(sum(balances, row => row.dueCents)).toBe(dueCents)
  expect(sum(balances, row => row.paidCents)).toBe(paidCents)
  expect<unknown>(await ask('/totals')).toEqual({ dueCents, paidCents, unpaid, partly, fully, more })
  expect(await countRows(ask, '/balances?settled=unpaid')).toBe(unpaid)
  expect(await countRows(ask, '/balances?settled=more')).toBe(more)

  type Income = { readonly payments: number; readonly cents: number }
  const income = await rowsOf<Income>(ask, 'income')
  expect([sum(income, row => row.payments), sum(income, row => row.cents)]).toEqual([counts['Paid']!, paidCents])

  type Fine = { readonly path: string; readonly status: string; readonly daysToPayment: number | null }
  const fines = await rowsOf<Fine>(ask, 'fines')
  const byPath = Map.groupBy(fines, ({ path }) => path)
  const found = await ask<{ paths: readonly { path: string; fines: number }[] }>('/paths')
  expect(found.paths.length).toBe(paths)
  expect(found.paths[0]).toEqual(frequent)
  expect(Object.fromEntries(found.paths.map(({ path, fines }) => [path, fines]))).toEqual(
    Object.fromEntries([...byPath].map(([path, of]) => [path, of.length])),
  )

  const byStatus = Map.groupBy(fines, ({ status }) => status)
  for (const [status, of] of byStatus) expect(await countRows(ask, `/fines?status=${status}`)).toBe(of.length)
  expect(fines.length).toBe(counts['Created']!)

  expect(await countRows(ask, '/fines?daysToPenalty=60')).toBe(counts['PenaltyAdded'])
  const days = fines.flatMap(({ daysToPayment }) => daysToPayment ?? []).toSorted((one, other) => one - other)
  expect(await ask('/payment-times')).toMatchObject({ fines: days.length, medianDays: days[Math.floor(days.length / 2)] })
}

const folder = mkdtempSync(join(tmpdir(), 'emaki-fines-'))
afterAll(() => rmSync(folder, { recursive: true }))
const schemas: TestSchema[] = []
afterAll(() => Promise.all(schemas.map(({ drop }) => drop())))
const stores: Readonly<Record<string, () => Promise<Store>>> = {
  memory: async () => memory(),
  SQLite: async () => sqlite(join(folder, `${Bun.randomUUIDv7()}.db`)),
  PostgreSQL: async () => {
    const at = await testSchema()
    schemas.push(at)
    return postgres(at.url, { schema: at.schema })
  },
}

for (const [name, make] of Object.entries(stores)) {
  describe(`the sample of fines, on ${name}`, () => {
    let one: Served
    beforeAll(async () => {
      one = await serveFines(await make(), SAMPLE, SAMPLE_TOTALS.events)
    })
    afterAll(() => one.stop())

    test(`the sample of fines on ${name} has the totals that were added up by hand`, () => expectTotals(one.ask, SAMPLE_TOTALS))

    test(`the sample of fines on ${name} answers with a fine, its balance and a month`, async () => {
      expect<unknown>(await one.ask('/fines/S6')).toEqual({
        key: 'S6',
        status: 'paid',
        path: 'Created > Sent > NotificationInserted > AppealDateInserted > PenaltyAdded > AppealSentToPrefecture > AppealResultReceived > AppealResultNotified > Paid',
        createdOn: '2010-03-01',
        notifiedOn: '2010-06-22',
        daysToPayment: 298,
        daysToPenalty: 60,
      })
      expect<unknown>(await one.ask('/balances/S5')).toEqual({
        key: 'S5',
        fineCents: 8_000,
        expenseCents: 1_350,
        dueCents: 9_350,
        paidCents: 10_000,
        settled: 'more',
      })
      expect<unknown>(await one.ask('/income/2010-02')).toEqual({ key: '2010-02', payments: 1, cents: 3_850 })
      expect<unknown>(await one.ask('/payment-times')).toEqual({ fines: 4, medianDays: 185, tenthDays: 3, ninetiethDays: 298 })
    })

    test(`the sample of fines on ${name} with another total is refused by this test`, async () => {
      const { dueCents, unpaid, paths } = SAMPLE_TOTALS
      for (const wrong of [{ dueCents: dueCents + 1 }, { unpaid: unpaid + 1 }, { paths: paths + 1 }])
        await expect(expectTotals(one.ask, { ...SAMPLE_TOTALS, ...wrong })).rejects.toThrow('expect(received)')
    })
  })

  describe(`the real log of fines, on ${name}`, () => {
    test(`the real log of fines on ${name} has its known totals`, async () => {
      if (!existsSync(REAL)) {
        console.warn(`fines: NOT CHECKED against the totals of the real log: there is no ${REAL}; set FINES_CSV`)
        return
      }
      const { ask, stop } = await serveFines(await make(), REAL, REAL_TOTALS.events)
      try {
        await expectTotals(ask, REAL_TOTALS)
        console.log(`fines: checked ${REAL_TOTALS.events} events against the totals`)
      } finally {
        await stop()
      }
    })
  })
}
