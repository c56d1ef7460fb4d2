import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../../adapters/sqlite/index.ts'
import { backtestVerb } from '../../cli/backtest.ts'
import { findingsVerb } from '../../cli/findings.ts'
import { type Detector, detector } from '../../definitions/detector/detector.ts'
import { spec } from '../../definitions/event/events.ts'
import { Metrics } from '../../metrics/registry.ts'
import type { Notice } from '../../ports/report/notice.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { type Runtime, runtime } from '../../runtime.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { Order, order } from '../../test-support/fulfilment.ts'
import { client } from '../../test-support/http.ts'
import { runVerb } from '../../test-support/run-verb.ts'
import { until } from '../../test-support/servers/until.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'
import { backtest } from './backtest.ts'
import { FindingReader } from './finding-reader.ts'
import { FindingWatch } from './finding-watch.ts'

const DAY_MS = 86_400_000
const DAYS = 40
const SILENT_DAYS = 6
/** The verbs read the machine's clock. */
const BEGIN = Math.floor(Date.now() / DAY_MS - DAYS - SILENT_DAYS) * DAY_MS
const dayOf = (day: number) => new Date(BEGIN + day * DAY_MS).toISOString().slice(0, 10)
afterEach(cleanUp)

const rates: Detector<'rates'> = detector('rates', { from: Order, types: ['Placed'] })

type Shop = { readonly emaki: Runtime; readonly store: Store; readonly clock: { now: number } }

/** A shop with four orders a day, until it has none. */
async function openShop(makeStore: (now: () => number) => Store, days: number = DAYS): Promise<Shop> {
  const clock = { now: BEGIN }
  const now = () => clock.now
  const store = makeStore(now)
  const emaki = await runtime({ serve: [order, rates], store, now, report: () => {} })
  cleanUpLater(() => emaki.close())
  for (let day = 0; day < days; day++) {
    clock.now = BEGIN + day * DAY_MS
    await placeFour(emaki, day)
  }
  await untilProcessed(emaki, await store.head())
  clock.now = BEGIN + (days + SILENT_DAYS) * DAY_MS + 60_000
  return { emaki, store, clock }
}

async function placeFour(emaki: Runtime, day: number): Promise<void> {
  await Promise.all([1, 2, 3, 4].map(one => emaki.send(order.place(`o${day}-${one}`, { skus: ['a'], cents: 5 }))))
}

const inMemory = (now: () => number) => memory({ now })
function inFile(now: () => number): Store {
  const directory = mkdtempSync(join(tmpdir(), 'emaki-findings-'))
  cleanUpLater(() => rmSync(directory, { recursive: true }))
  return sqlite(join(directory, 'log.db'), { now })
}

const readerOf = ({ store, clock }: Shop) => new FindingReader(store, rates[spec], () => clock.now)

describe('findings', () => {
  test.each([
    ['memory', inMemory],
    ['SQLite', inFile],
  ])('findings on %s are the silence of what came every day, with its last events', async (_, makeStore) => {
    const shop = await openShop(makeStore)
    const { until: read, findings, subjects } = await readerOf(shop).read()
    expect(read).toBe(shop.clock.now - 30_000)
    expect(findings).toMatchObject([{ subject: 'order.Placed', change: 'silence', seen: 0, closedAt: null }])
    expect(findings[0]!.since).toBe(BEGIN + DAYS * DAY_MS)
    expect(findings[0]!.examples).toEqual([DAYS * 4 - 2, DAYS * 4 - 1, DAYS * 4])
    expect(subjects).toMatchObject([{ subject: 'order.Placed', unitMs: DAY_MS, isLearning: false }])
  })

  test('findings are the same after a rebuild, and by one who reads step by step', async () => {
    const shop = await openShop(inMemory)
    const asked = shop.clock.now
    const steady = readerOf(shop)
    for (let day = 0; day <= DAYS + SILENT_DAYS; day += 5) {
      shop.clock.now = BEGIN + day * DAY_MS
      await steady.read()
    }
    shop.clock.now = asked
    const before = await steady.read()
    expect(before).toEqual(await readerOf(shop).read())
    await shop.emaki.reset('rates')
    await until('the rows are counted again', async () => (await readerOf(shop).read()).until === before.until)
    expect(await readerOf(shop).read()).toEqual(before)
    expect(await steady.read()).toEqual(before)
  })

  test('findings wait for events that are not counted yet', async () => {
    const shop = await openShop(inMemory, 2)
    await shop.emaki.pause('rates')
    shop.clock.now = BEGIN + 3 * DAY_MS
    await shop.emaki.send(order.place('late', { skus: ['a'], cents: 5 }))
    shop.clock.now = BEGIN + 10 * DAY_MS
    expect((await readerOf(shop).read()).until).toBe(BEGIN + 3 * DAY_MS)
  })

  test('findings that open and close are reported once each, and counted', async () => {
    const shop = await openShop(inMemory)
    const [notices, metrics] = [[] as Notice[], new Metrics()]
    const watch = new FindingWatch({
      ...{ store: shop.store, detectors: [rates[spec]], now: () => shop.clock.now, metrics, isOwner: () => true },
      report: notice => void notices.push(notice as Notice),
      sleep: () => Promise.resolve(),
    })
    for (const _ of [1, 2]) await watch.look()
    expect(notices.map(({ code, level, fields }) => [code, level, fields['kind'], fields['subject'], fields['change']])).toEqual([
      ['finding-opened', 'warn', 'rate', 'order.Placed', 'silence'],
    ])
    expect(notices[0]!.message).toContain(`order.Placed has fallen silent since ${dayOf(DAYS)}T00:00Z: 0 events where`)
    expect(watch.open).toEqual([{ values: ['rates', 'order.Placed'], value: 1 }])
    for (let day = DAYS + SILENT_DAYS; day < DAYS + SILENT_DAYS + 6; day++) {
      shop.clock.now = BEGIN + day * DAY_MS + 3_600_000
      await placeFour(shop.emaki, day)
    }
    await untilProcessed(shop.emaki, await shop.store.head())
    shop.clock.now += DAY_MS
    await watch.look()
    expect(notices.map(({ code }) => code)).toEqual(['finding-opened', 'finding-closed'])
    expect(watch.open).toEqual([{ values: ['rates', 'order.Placed'], value: 0 }])
  })

  test('findings of a detector that another process runs are not reported', async () => {
    const shop = await openShop(inMemory)
    const notices: unknown[] = []
    const options = { store: shop.store, detectors: [rates[spec]], now: () => shop.clock.now, metrics: new Metrics() }
    const watch = new FindingWatch({ ...options, isOwner: () => false, report: notice => void notices.push(notice) })
    await watch.look()
    expect(notices).toEqual([])
    expect(watch.open).toEqual([])
  })

  test('findings whose rows cannot be read are reported as one failure until they can', async () => {
    const shop = await openShop(inMemory, 1)
    const codes: string[] = []
    let isAway = true
    const serving = (name: string) => (isAway ? Promise.reject(new Error('away')) : shop.store.readModel.serving(name))
    const store = { ...shop.store, readModel: { ...shop.store.readModel, serving } }
    const options = { store, detectors: [rates[spec]], now: () => shop.clock.now, metrics: new Metrics(), isOwner: () => true }
    const watch = new FindingWatch({ ...options, report: notice => void codes.push((notice as Notice).code) })
    for (const _ of [1, 2]) await watch.look()
    isAway = false
    await watch.look()
    expect(codes).toEqual(['retry-began', 'retry-ended'])
  })

  test('a backtest over the log finds what the rows show, and less with more evidence', async () => {
    const shop = await openShop(inMemory)
    shop.clock.now = BEGIN + (DAYS + SILENT_DAYS) * DAY_MS + 3_600_000
    await shop.emaki.send(order.place('again', { skus: ['a'], cents: 5 }))
    await untilProcessed(shop.emaki, await shop.store.head())
    shop.clock.now += DAY_MS
    const test = (threshold: number) =>
      backtest(shop.store, { threshold, isCounted: type => type === 'order.Placed', isSampled: () => false, now: Date.now })
    const found = (await test(10)).findings
    expect(found).toEqual((await readerOf(shop).read()).findings)
    expect(found).toMatchObject([{ kind: 'rate', change: 'silence' }])
    expect((await test(30)).findings).toEqual([])
  })

  test('findings and backtest are printed as tables, and as JSON', async () => {
    const { store } = await openShop(inMemory)
    const call = { serve: [order, rates], store }
    const { code, out } = await runVerb(findingsVerb, call)
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`order\\.Placed +silence +${dayOf(DAYS)}T00:00Z +\\S+T00:00Z +open +0 `))
    expect(out).toMatch(/WHAT +A DAY +COUNTED BY +SILENCE AFTER/)
    const tested = await runVerb(backtestVerb, { ...call, values: { threshold: '10' } })
    expect(tested.out).toContain('With a threshold of 10 you would have been called 0 times from')
    const { out: json } = await runVerb(findingsVerb, { ...call, json: true })
    expect(JSON.parse(json)).toMatchObject([{ detector: 'rates', findings: [{ kind: 'rate', change: 'silence' }] }])
    expect((await runVerb(findingsVerb, { serve: [order], store })).out).toContain('no detector is served')
    await expect(runVerb(backtestVerb, { ...call, values: { threshold: '99' } })).rejects.toThrow('at most 30')
  })

  test('a detector has no path of HTTP, and does not stand in the OpenAPI document', async () => {
    const { get } = client({ serve: [order, rates] })
    expect((await get('/rates')).status).toBe(404)
    expect(
      Object.keys(((await get('/openapi.json')).body as { readonly paths: object }).paths).filter(path => path.includes('rates')),
    ).toEqual([])
  })
})
