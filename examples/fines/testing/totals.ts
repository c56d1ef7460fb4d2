// The fines by HTTP, against totals that are known.
import { expect } from 'bun:test'
import { type App, app } from 'emaki/http'
import { spec } from '../../../src/definitions/event/events.ts'
import type { Store } from '../../../src/ports/store/store.ts'
import { until } from '../../../src/test-support/servers/until.ts'
import { untilProcessed } from '../../../src/test-support/until-processed.ts'
import { recordsOf } from '../../../src/transfer/records.ts'
import served from '../app.ts'
import fromCsv from '../from-csv.ts'

export type Totals = {
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

type Asked = <T>(path: string) => Promise<T>
type Page<R> = {
  readonly items: readonly (R & { readonly key: string })[]
  readonly next: string | null
  readonly count?: number
}
export type ServedFines = { readonly ask: Asked; readonly stop: () => Promise<void> }

/** A store with a file's events in it, served, and all its rows made. */
export async function serveFines(store: Store, file: string, events: number): Promise<ServedFines> {
  await store.open()
  const records = () => recordsOf({ file, format: 'csv', map: fromCsv, cause: 'test' })
  for await (const _ of store.import(records, { source: file, onlyNew: true }));
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
export async function expectTotals(ask: Asked, totals: Totals): Promise<void> {
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
