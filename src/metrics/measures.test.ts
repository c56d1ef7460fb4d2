// Measures from the log to the text that Prometheus reads: on two nodes, through crashes, failures and rebuilds.
import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { measure } from '../definitions/measure/measure.ts'
import { measureRows } from '../definitions/measure/measure-rows.ts'
import { measureTime } from '../definitions/measure/measure-time.ts'
import { readSum } from '../definitions/measure/sums.ts'
import { type AnyProjection, type ProjectionSpec, projection, tableOf } from '../definitions/projection/projection.ts'
import type { NewPage } from '../ports/read-model/progress.ts'
import type { Notice } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Services, startServices } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { appendTally, replaceReadModel, startProcess } from '../test-support/tally.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { writeText } from './text.ts'

afterEach(cleanUp)

const Sold = z.object({ country: z.string(), cents: z.int(), isGift: z.boolean().default(false) })
const Sale = events('sale', { Sold: Sold.extend({ isGift: z.boolean() }), Returned: z.object({}) })
const sale = decider(Sale, {
  initial: {},
  evolve: { Sold: s => s, Returned: s => s },
  commands: { sell: Sold, takeBack: z.object({}) },
  decide: { sell: (_, sold) => Sale.Sold(sold), takeBack: () => Sale.Returned({}) },
})
const revenue = measure('revenue', { from: Sale, on: { Sold: ({ cents }) => cents }, unit: 'cents' })
const sales = measure('sales', {
  from: Sale,
  on: { Sold: 1, Returned: () => 1 },
  by: {
    what: ({ type }) => type,
    country: event => (event.type === 'Sold' ? event.data.country : 'unknown'),
    isGift: event => event.type === 'Sold' && event.data.isGift,
  },
  help: 'What was sold, and taken back.',
})

async function startNode(store: Store = memory(), serve = [sale, revenue, sales]) {
  const notices: Notice[] = []
  const node = await startServices({ serve, store, report: one => void notices.push(one as Notice) })
  cleanUpLater(() => node.close())
  let sent = 0
  const sell = async (cents: number, country = 'DE', isGift = false) => {
    const outcome = await node.send(sale.sell(`s${sent++}`, { cents, country, isGift }))
    return outcome.outcome === 'accepted' ? outcome.position : 0
  }
  return { store, node, notices, sell }
}

async function scrape(node: Services, format: 'openmetrics' | 'classic' = 'classic'): Promise<string> {
  await untilProcessed(node, await node.store.head())
  const own = (await node.metrics.read()).filter(({ row }) => row.board === 'business')
  return writeText(own, format)
}

describe('a measure that adds up', () => {
  test('a measure is shown with its unit and its attributes, in both forms of text', async () => {
    const { node, sell } = await startNode()
    await sell(500)
    await sell(250, 'FR', true)
    await node.send(sale.takeBack('s1', {}))
    await sell(1, 'a"b')
    expect(await scrape(node)).toBe(`# HELP revenue_cents_total The sum over sale.Sold in the log.
# TYPE revenue_cents_total counter
revenue_cents_total 751
# HELP sales_total What was sold, and taken back.
# TYPE sales_total counter
sales_total{what="Sold",country="DE",isGift="false"} 1
sales_total{what="Sold",country="FR",isGift="true"} 1
sales_total{what="Returned",country="unknown",isGift="false"} 1
sales_total{what="Sold",country="a\\"b",isGift="false"} 1
`)
    expect(await scrape(node, 'openmetrics')).toContain(`# TYPE revenue_cents counter
# UNIT revenue_cents cents
revenue_cents_total 751
`)
  })

  test('a measure has the same value on two nodes of one log, whichever of them appends and runs it', async () => {
    const one = await startNode()
    const other = await startNode(one.store)
    await one.sell(3)
    await other.node.send(sale.sell('other', { cents: 4, country: 'DE' }))
    for (const { node } of [one, other]) expect(await scrape(node)).toContain('revenue_cents_total 7\n')
  })

  test('a measure without an event has no series, and one that is still being made holds up nobody', async () => {
    const { node } = await startNode()
    expect(await scrape(node)).toBe('')
    const store = memory()
    const away = () => Promise.reject(new StoreError('unavailable', 'away'))
    const { node: late } = await startNode(replaceReadModel(store, { serve: away }))
    expect(late.subscriptions.isReady).toBe(true)
    const own = (await late.metrics.read()).filter(({ row }) => row.board === 'business')
    expect(own).toEqual([])
  })

  test('a measure whose amount is below 0 parks its series alone, and says how to measure what is taken back', async () => {
    const { node, sell, notices } = await startNode()
    await sell(5)
    await sell(-2)
    const text = await scrape(node)
    expect(text).toContain('revenue_cents_total 5\n')
    expect(text).toContain('sales_total{what="Sold",country="DE",isGift="false"} 2\n')
    expect(await node.parked()).toMatchObject([
      {
        ...{ name: 'revenue_v1', kind: 'key', key: '[]' },
        cause: expect.stringContaining(
          "measure('revenue'): on sale.Sold gave -2. A counter only grows, so it adds a number from 0. Measure what is taken back by a measure of its own.",
        ),
      },
    ])
    expect(notices.map(({ code }) => code)).toContain('key-parked')
  })

  test('a measure whose attribute is no text parks the stream, as its series is not known', async () => {
    const odd = measure('odd', {
      from: Sale,
      on: { Sold: 1 },
      by: { country: ({ data }) => (data.cents ? 'x' : (null as never)) },
    })
    const { node, sell } = await startNode(memory(), [sale, odd as never])
    await sell(1)
    await sell(0)
    expect(await scrape(node)).toContain('odd_total{country="x"} 1\n')
    expect(await node.parked()).toMatchObject([{ name: 'odd_v1', kind: 'stream', key: 'sale-s1' }])
  })

  test('a measure that cannot be read is left out, counted, and reported once', async () => {
    const inner = memory()
    const list = () => Promise.reject(new StoreError('unavailable', 'away'))
    const { node, notices, sell } = await startNode(replaceReadModel(inner, { list }), [sale, revenue] as never)
    await sell(1)
    expect(await scrape(node)).toBe('')
    await scrape(node)
    const failures = (await node.metrics.read()).find(({ name }) => name === 'emaki.telemetry.failures')
    expect(failures?.series).toEqual([{ values: ['revenue'], counted: 3 }])
    expect(notices.filter(({ code }) => code === 'retry-began').map(({ message }) => message)).toEqual([
      expect.stringContaining('The measure revenue cannot be read for a scrape'),
    ])
  })

  test('a measure is listed, reset and counted again as a projection is', async () => {
    const { store, node, sell } = await startNode()
    await untilProcessed(node, await sell(2))
    expect((await node.status()).map(({ name }) => name)).toEqual(['revenue_v1', 'sales_v1'])
    expect(await node.reset('revenue')).toBe('revenue_v1')
    await sell(3)
    await until('it is counted again', async () => (await readSums(store, revenue[spec].from.rows)).found[''] === 5)
    expect(await scrape(node)).toContain('revenue_cents_total 5\n')
  })
})

describe('a measure of rows', () => {
  const Looks = z.object({ country: z.string().nullable(), isGift: z.boolean(), cents: z.int() })
  const sold = projection('sold', {
    from: Sale,
    row: Looks,
    initial: { country: null, isGift: false, cents: 0 },
    indexes: ['country', 'isGift'],
    evolve: { Sold: (_, data) => data, Returned: () => null },
  })
  const byCountry = measureRows('sold_by_country', { rows: sold, by: ['isGift', 'country'], unit: '{sale}' })
  const all = measureRows('sold_now', { rows: sold, help: 'What is sold now.' })

  test('a measure of rows counts them by their indexes, as they are now, on every node', async () => {
    const one = await startNode(memory(), [sale, sold, byCountry, all] as never)
    for (const [country, isGift] of [['DE', true], ['DE', false], ['DE', false], ['FR', false]] as const) // biome-ignore format: one list
      await one.sell(1, country, isGift)
    await one.node.send(sale.takeBack('s2', {}))
    const { node } = await startNode(one.store, [sale, sold, byCountry, all] as never)
    for (const served of [one.node, node])
      expect((await scrape(served)).split('\n').toSorted()).toEqual([
        '',
        '# HELP sold_by_country The rows of sold, by isGift and country.',
        '# HELP sold_now What is sold now.',
        '# TYPE sold_by_country gauge',
        '# TYPE sold_now gauge',
        'sold_by_country{isGift="false",country="DE"} 1',
        'sold_by_country{isGift="false",country="FR"} 1',
        'sold_by_country{isGift="true",country="DE"} 1',
        'sold_now 3',
      ])
  })

  test('a measure of rows that are not served is refused', () => {
    expect(startNode(memory(), [sale, byCountry] as never)).rejects.toThrow(
      'the measure sold_by_country counts rows of sold version 1, which is not served',
    )
  })
})

describe('a measure of times', () => {
  const toReturn = measureTime('time_to_return', {
    from: Sale,
    begins: 'Sold',
    ends: 'Returned',
    bounds: [1, 60, 3_600],
    by: { what: ({ type }) => type },
  })

  test('a measure of times counts each stream once, from its first fact to the first that ends it', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z')
    const { node } = await startNode(memory({ now: () => now }), [sale, toReturn] as never)
    const sell = (id: string) => node.send(sale.sell(id, { cents: 1, country: 'DE' }))
    const takeBack = (id: string) => node.send(sale.takeBack(id, {}))
    await sell('a')
    await sell('open')
    await takeBack('early')
    now += 1_000
    await takeBack('a')
    await takeBack('a')
    await sell('b')
    now += 90_500
    await sell('b')
    await takeBack('b')
    await sell('c')
    now += 7_200_000
    await takeBack('c')
    expect(await scrape(node)).toBe(`# HELP time_to_return_seconds How long it took from Sold to Returned.
# TYPE time_to_return_seconds histogram
time_to_return_seconds_bucket{what="Returned",le="1.0"} 1
time_to_return_seconds_bucket{what="Returned",le="60.0"} 1
time_to_return_seconds_bucket{what="Returned",le="3600.0"} 2
time_to_return_seconds_bucket{what="Returned",le="+Inf"} 3
time_to_return_seconds_sum{what="Returned"} 7291.5
time_to_return_seconds_count{what="Returned"} 3
`)
  })

  test('a measure of times takes what was imported by the time at which it happened', async () => {
    const { node } = await startNode(memory(), [sale, toReturn] as never)
    const stored = (type: 'Sold' | 'Returned', data: object, occurredAt: string) => ({
      ...{ id: Bun.randomUUIDv7(), type, schema: Sale[spec].types.get(type)!.fingerprint },
      ...{ data: JSON.stringify(data), meta: JSON.stringify({ occurredAt }) },
    })
    const events = [
      stored('Sold', { cents: 1, country: 'DE', isGift: false }, '2020-01-01T00:00:00.000Z'),
      stored('Returned', {}, '2020-01-01T00:00:30.000Z'),
    ]
    await node.store.append([{ slices: [{ stream: 'sale-old', expect: 0, events }], keys: [] }])
    node.store.announce(2)
    expect(await scrape(node)).toContain('time_to_return_seconds_sum{what="Returned"} 30\n')
  })
})

/** The sums in the rows of a measure with one attribute or none, and the position that they include. */
async function readSums({ readModel }: Store, rows: ProjectionSpec) {
  const table = { name: tableOf(rows), indexes: rows.indexes }
  const { found, position } = await readModel.list(table, { where: [], sort: [], after: null, limit: 1_000 })
  return { found: Object.fromEntries(found.map(readSum).map(({ values, value }) => [values[0] ?? '', value])), position }
}

describe('the sum of a measure', () => {
  const Tally = events('tally', {
    Added: z.object({ to: z.array(z.string()), n: z.int() }),
    Emptied: z.object({ from: z.string() }),
  })
  const added = measure('added', { from: Tally, on: { Added: ({ n }) => n }, by: { to: ({ data }) => data.to[0] ?? '' } })
  const rows = { [spec]: added[spec].from.rows } as AnyProjection
  const append = fc.record({ to: fc.constantFrom('a', 'b', 'c'), n: fc.integer({ min: 0, max: 9 }) })
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.array(append, { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.constantFrom('kill', 'reset', 'fail') },
  )

  /** The sums of a log up to a position, in the simplest code. */
  async function sumLog(store: Store, until: number) {
    const sums: Record<string, number> = {}
    for (const { data } of await store.readAll({ after: 0, until, limit: 1_000 })) {
      const { to, n } = JSON.parse(data) as { readonly to: readonly string[]; readonly n: number }
      sums[to[0]!] = (sums[to[0]!] ?? 0) + n
    }
    return sums
  }

  /** Runs acts, and gives each commit after which the rows are not the sums of the log up to their checkpoint. */
  async function run(
    acts: readonly (string | readonly { readonly to: string; readonly n: number }[])[],
    plant: Plant = page => page,
  ) {
    const store = memory()
    const { commit, reset } = store.readModel
    const wrong: unknown[] = []
    let failures = 0
    const compare = async () => {
      const { found, position } = await readSums(store, rows[spec])
      const wanted = await sumLog(store, position)
      if (!Bun.deepEquals(found, wanted)) wrong.push({ position, found, wanted })
    }
    const checked = replaceReadModel(store, {
      commit: async page => {
        if (failures > 0 && failures--) throw new StoreError('unavailable', 'made to fail')
        const done = await commit(plant(page))
        await compare()
        return done
      },
    })
    let at = await startProcess(checked, rows, 20)
    for (const act of acts) {
      if (act === 'kill') {
        at.kill()
        at = await startProcess(checked, rows, 20)
      } else if (act === 'reset') await reset(tableOf(rows[spec]), 0)
      else if (act === 'fail') failures = 2
      else if (typeof act === 'object') for (const { to, n } of act) await appendTally(store, { to: [to], n })
      await Bun.sleep(0)
    }
    await untilProcessed(at.subscriptions, await store.head())
    await compare()
    await cleanUp()
    return wrong
  }
  type Plant = (page: NewPage) => NewPage

  test('the sum of a measure is that of the log at the checkpoint, through any crash, failure and rebuild', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 10 }), async acts => {
        expect(await run(acts)).toEqual([])
      }),
      { numRuns: 10 },
    )
  })

  test('the sum of a measure whose rows are written behind the checkpoint is found to be wrong', async () => {
    const found = await run([[{ to: 'a', n: 1 }]], page => ({ ...page, rows: [] }))
    expect(found).toContainEqual({ position: 1, found: {}, wanted: { a: 1 } })
  })
})
