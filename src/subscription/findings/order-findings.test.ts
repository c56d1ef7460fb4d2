import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { postgres } from '../../adapters/postgres/index.ts'
import { sqlite } from '../../adapters/sqlite/index.ts'
import { backtestVerb } from '../../cli/backtest.ts'
import { findingsVerb } from '../../cli/findings.ts'
import { type Detector, detector } from '../../definitions/detector/detector.ts'
import { events, spec } from '../../definitions/event/events.ts'
import { newEvent } from '../../ports/store/contract/builders.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { runtime } from '../../runtime.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { runVerb } from '../../test-support/run-verb.ts'
import { testSchema } from '../../test-support/schema.ts'
import { until } from '../../test-support/servers/until.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'
import { audit } from '../audit.ts'
import { backtest } from './backtest.ts'
import { describeFinding } from './describe-finding.ts'
import { FindingReader } from './finding-reader.ts'

afterEach(cleanUp)

const HOUR_MS = 3_600_000
const PARCELS = 340
/** Hours that are over: the verbs read the machine's clock. PostgreSQL has a clock of its own. */
const BEGIN = Math.floor(Date.now() / HOUR_MS - 30) * HOUR_MS

const none = z.object({})
const Parcel = events('parcel', { Packed: none, Weighed: none, Sent: none, Returned: none })
const rates = detector('rates', { from: Parcel })
/** A detector that does not count what comes between. */
const ends = detector('ends', { from: Parcel, types: ['Packed', 'Sent'] })

type Depot = { readonly store: Store; readonly clock: { now: number } }
type Parcels = readonly (readonly [parcel: string, ...types: readonly string[]])[]

const USUAL: Parcels = Array.from({ length: PARCELS }, (_, i) => [`p${i}`, 'Packed', 'Weighed', 'Sent'] as const)

const typed = (type: string, data = '{}') => ({ ...newEvent(0), type, data })
async function append(store: Store, parcels: Parcels): Promise<void> {
  const slices = parcels.map(([parcel, ...types]) => ({
    ...{ stream: `parcel-${parcel}`, expect: 'any' as const },
    events: types.map(type => typed(type)),
  }))
  for (let i = 0; i < slices.length; i += 100) await store.append([{ slices: slices.slice(i, i + 100), keys: [] }])
}

const MAKERS: readonly (readonly [string, (now: () => number) => Promise<Store>])[] = [
  ['memory', async now => memory({ now })],
  ['SQLite', async now => sqlite(join(makeDirectory(), 'log.db'), { now })],
]
function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'emaki-order-'))
  cleanUpLater(() => rmSync(directory, { recursive: true }))
  return directory
}

/** A depot that packs, weighs and sends 340 parcels in an hour, and in the next one sends one that nobody weighed. */
async function openDepot(makeStore: (now: () => number) => Promise<Store>, more: Parcels = []) {
  const clock = { now: BEGIN }
  const store = await makeStore(() => clock.now)
  await store.open()
  await append(store, USUAL)
  clock.now = BEGIN + HOUR_MS + 5 * 60_000
  await append(store, [['late', 'Packed']])
  await append(store, [['late', 'Sent'], ...more])
  const emaki = await runtime({ serve: [rates, ends], store, now: () => clock.now, report: () => {} })
  cleanUpLater(() => emaki.close())
  await untilProcessed(emaki, await store.head())
  clock.now = BEGIN + 2 * HOUR_MS + 60_000
  return { emaki, store, clock, position: await store.head() }
}
const read = ({ store, clock }: Depot, { [spec]: of }: Detector<string> = rates) =>
  new FindingReader(store, of, () => clock.now).read()

describe('findings of order', () => {
  test.each(MAKERS)('findings of order on %s are what follows another type for the first time', async (_, makeStore) => {
    const depot = await openDepot(makeStore)
    const { findings, orders } = await read(depot)
    const since = BEGIN + HOUR_MS + 5 * 60_000
    expect(findings).toMatchObject([
      {
        ...{ kind: 'order', subject: 'parcel.Sent', after: 'parcel.Packed', since, openedAt: since + 60_000, closedAt: null },
        ...{ seen: 1, examples: [depot.position], eventsBefore: PARCELS },
      },
    ])
    expect(describeFinding(findings[0]!).sentence).toContain(
      'parcel.Sent came after parcel.Packed for the first time at ' +
        `${new Date(since).toISOString().slice(0, 16)}Z: 1 times so far, and never in ${PARCELS} times before. By chance this is called at most`,
    )
    expect(orders.map(({ after, isWatched }) => [after, isWatched])).toEqual([
      ['parcel begin', true],
      ['parcel.Packed', false],
      ['parcel.Weighed', true],
    ])
  })

  test('findings of order on PostgreSQL are seen in its rows', async () => {
    const { url, schema, drop } = await testSchema()
    cleanUpLater(drop)
    const { emaki, store } = await openDepot(async () => postgres(url, { schema }))
    await untilProcessed(emaki, await store.head())
    const { orders } = await read({ store, clock: { now: Date.now() + 3 * HOUR_MS } })
    expect(orders.map(({ after, events, followers }) => [after, events, followers])).toEqual([
      ['parcel begin', PARCELS + 1, 1],
      ['parcel.Packed', PARCELS + 1, 2],
      ['parcel.Weighed', PARCELS, 1],
    ])
  })

  test('findings of order count what comes between, though a detector does not count its type', async () => {
    const depot = await openDepot(MAKERS[0]![1])
    const { orders, findings } = await read(depot, ends)
    expect(orders.map(({ after, events }) => [after, events])).toEqual([
      ['parcel begin', PARCELS + 1],
      ['parcel.Packed', 1],
      ['parcel.Weighed', PARCELS],
    ])
    expect(findings).toEqual([])
  })

  test('findings of order are the same after a rebuild, by a backtest, and rows pass an audit', async () => {
    const depot = await openDepot(MAKERS[1]![1], [['last', 'Packed']])
    const before = await read(depot)
    const isCounted = () => true
    const { findings, orders } = await backtest(depot.store, {
      threshold: 10,
      isCounted,
      isSampled: () => false,
      now: () => depot.clock.now,
    })
    expect(before.findings).toHaveLength(1)
    expect(findings).toEqual(before.findings)
    expect(orders.map(({ after, events }) => [after, events])).toEqual(before.orders.map(({ after, events }) => [after, events]))
    await depot.emaki.reset('rates')
    await until('the rows are counted again', async () => (await read(depot)).until === before.until)
    expect(await read(depot)).toEqual(before)
    const table = { name: 'rates_v1', indexes: [] }
    expect(await audit(depot.store, rates[spec], table)).toMatchObject({ keys: 5, parked: 0, differences: [] })
  })

  test('findings of order follow today’s names', async () => {
    const store = memory({ now: () => BEGIN })
    const Renamed = events('parcel', { Packed: none, Scaled: none, Sent: none, Returned: none }, { was: { Weighed: 'Scaled' } })
    const today = detector('rates', { from: Renamed })
    await store.open()
    await append(store, [
      ['p1', 'Packed', 'Weighed', 'Sent'],
      ['p2', 'Packed', 'Scaled', 'Sent'],
    ])
    const emaki = await runtime({ serve: [today], store, now: () => BEGIN, report: () => {} })
    cleanUpLater(() => emaki.close())
    await untilProcessed(emaki, 6)
    const { orders } = await read({ store, clock: { now: BEGIN + 2 * HOUR_MS } }, today)
    expect(orders.map(({ after, events, followers }) => [after, events, followers])).toEqual([
      ['parcel begin', 2, 1],
      ['parcel.Packed', 2, 1],
      ['parcel.Scaled', 2, 1],
    ])
  })

  test('findings of order count a stream that was parked as if it had never been', async () => {
    const file = join(makeDirectory(), 'log.db')
    const serveWith = async (data: z.ZodObject) => {
      const store = sqlite(file)
      const from = events('parcel', { Packed: data as typeof none, Sent: none })
      const served = detector('rates', { from })
      const emaki = await runtime({ serve: [served], store, unreadableEvents: 'serve', report: () => {} })
      return { store, served, emaki }
    }
    const filled = sqlite(file)
    await filled.open()
    const sent = [typed('Packed', '{"kilos":"9"}'), typed('Sent')]
    await filled.append([{ slices: [{ stream: 'parcel-p1', expect: 0, events: sent }], keys: [] }])
    await filled.close()
    const strict = await serveWith(z.object({ kilos: z.int() }))
    await untilProcessed(strict.emaki, 2)
    expect((await strict.store.readModel.parked('rates_v1')).map(({ kind }) => kind)).toEqual(['stream'])
    await strict.emaki.close()
    const { store, served, emaki } = await serveWith(z.object({ kilos: z.string() }))
    cleanUpLater(() => emaki.close())
    await store.readModel.unpark('rates_v1')
    await until('nothing is parked', async () => (await store.readModel.parked('rates_v1')).length === 0)
    const { orders } = await read({ store, clock: { now: Date.now() + 2 * HOUR_MS } }, served)
    expect(orders.map(({ after, events }) => [after, events])).toEqual([
      ['parcel begin', 1],
      ['parcel.Packed', 1],
    ])
  })

  test('findings of order are printed with what is watched, by findings and backtest', async () => {
    const { store } = await openDepot(MAKERS[0]![1])
    const call = { serve: [rates], store }
    const { out } = await runVerb(findingsVerb, call)
    expect(out).toMatch(/parcel\.Sent +after parcel\.Packed +\S+ +\S+ +\S+ +1 +0 +/)
    expect(out).toMatch(/AFTER +EVENTS +TYPES +UNSEEN +FALSE CALLS A YEAR AT MOST/)
    expect(out).toMatch(/parcel\.Packed +341 +2 +0\.58 % +not watched/)
    const { out: json } = await runVerb(findingsVerb, { ...call, json: true })
    expect(JSON.parse(json)).toMatchObject([{ findings: [{ kind: 'order', after: 'parcel.Packed' }], orders: [{}, {}, {}] }])
    expect((await runVerb(backtestVerb, call)).out).toMatch(/for rates, shares and delays, and at most \d+ for order/)
  })
})
