import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgres } from '../../adapters/postgres/index.ts'
import { sqlite } from '../../adapters/sqlite/index.ts'
import { backtestVerb } from '../../cli/backtest.ts'
import { findingsVerb } from '../../cli/findings.ts'
import { type Detector, detector } from '../../definitions/detector/detector.ts'
import { spec } from '../../definitions/event/events.ts'
import { Metrics } from '../../metrics/registry.ts'
import type { Notice } from '../../ports/report/notice.ts'
import type { Samples } from '../../ports/samples/samples.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { runtime } from '../../runtime.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { Order, order, Shelf, shelf } from '../../test-support/fulfilment.ts'
import { runVerb } from '../../test-support/run-verb.ts'
import { testSchema } from '../../test-support/schema.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'
import { FindingWatch } from './finding-watch.ts'

afterEach(cleanUp)
const HOUR_MS = 3_600_000
const rates: Detector<'rates'> = detector('rates', { from: Order })
const shelfRates: Detector<'shelf-rates'> = detector('shelf-rates', { from: Shelf })

/** What samples hold of all hours. */
async function sumsOf(samples: Samples): Promise<Readonly<Record<string, number>>> {
  const sums: Record<string, number> = {}
  for (const { subject, minutes } of await samples.list({ after: { hour: 0, subject: '' }, limit: 1_000 }))
    sums[subject] = (sums[subject] ?? 0) + minutes.reduce((sum, count) => sum + count, 0)
  return sums
}

/** Stores that two nodes open, one after the other or both at once. */
const stores: readonly (readonly [string, () => Promise<() => Store>])[] = [
  ['memory', async () => () => inMemory],
  [
    'SQLite',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'emaki-sampled-'))
      cleanUpLater(() => rmSync(directory, { recursive: true }))
      return () => sqlite(join(directory, 'log.db'))
    },
  ],
  [
    'PostgreSQL',
    async () => {
      const { url, schema, drop } = await testSchema()
      cleanUpLater(drop)
      return () => postgres(url, { schema })
    },
  ],
]
const inMemory = memory()

describe('findings of commands', () => {
  test.each(stores)(
    'commands and rejections of two nodes on %s are added up once, and a rebuild leaves them',
    async (system, open) => {
      const make = await open()
      const node = () => runtime({ serve: [order, shelf, rates], store: make(), report: () => {} })
      const first = await node()
      await first.send(order.place('o1', { skus: ['a'], cents: 5 }))
      await first.send(order.place('o1', { skus: ['a'], cents: 5 }))
      await first.send(shelf.fill('s1', { qty: 1 }))
      // One file has one process at a time.
      if (system === 'SQLite') await first.close()
      const second = await node()
      await second.send(order.place('o2', { skus: ['a'], cents: 5 }))
      await second.send(order.send('o2', {}))
      await second.reset('rates')
      if (system !== 'SQLite') await first.close()
      await second.close()
      const store = make()
      await store.open()
      cleanUpLater(() => store.close())
      const { 'delay order.rates': delays, 'delay-logs order.rates': logs, ...rest } = await sumsOf(store.samples)
      // A lag is counted at the end of a minute, which may come meanwhile.
      const sums = Object.fromEntries(Object.entries(rest).filter(([subject]) => !subject.startsWith('lag')))
      expect(sums).toEqual({
        'command order.place': 3,
        'command order.send': 1,
        'rejection order.already-placed': 1,
        'rejection order.not-paid': 1,
        'rejected order.place': 1,
        'rejected order.send': 1,
        'accepted order': 2,
        'events order': 2,
        'decisions order': 4,
      })
      expect(delays).toBeGreaterThan(0)
      expect(logs).toBeGreaterThan(0)
    },
  )

  test('commands are not counted where no detector watches their decider', async () => {
    for (const serve of [[order], [order, shelfRates]]) {
      const store = memory()
      const emaki = await runtime({ serve, store, report: () => {} })
      await emaki.send(order.place('o1', { skus: ['a'], cents: 5 }))
      await emaki.close()
      expect(await sumsOf(store.samples)).toEqual({})
    }
  })

  test('commands rejected far more often, by number and by share, longer delays and a lag that grows are reported once, counted, and shown by the verbs', async () => {
    const store = memory()
    const until = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
    // The verbs read the machine's clock, which goes on.
    const samples = Array.from({ length: 400 }, (_, i) => {
      const hour = until - (i - 1) * HOUR_MS
      const sampleOf = (subject: string, perMinute: number) => ({ subject, hour, minutes: new Array(60).fill(perMinute) })
      const isBurst = i === 2
      return [
        sampleOf('rejection order.not-paid', isBurst ? 8 : 2),
        sampleOf('rejected order.send', isBurst ? 8 : 2),
        sampleOf('command order.send', 10),
        // Delays of 20 ms, and for an hour of 3 s.
        sampleOf('delay order.rates', 1),
        sampleOf('delay-logs order.rates', Math.round(Math.log(isBurst ? 3_000_000 : 20_000) * 1_000)),
        // Nothing waits, and for an hour 1 900 events.
        sampleOf('lag order.rates', 1),
        sampleOf('lag-logs order.rates', Math.round(Math.log(isBurst ? 2_000 : 100) * 1_000)),
      ]
    }).flat()
    await store.samples.add({ writer: 'a', number: 1, samples })
    const emaki = await runtime({ serve: [order, rates], store, report: () => {} })
    cleanUpLater(() => emaki.close())
    await emaki.send(order.place('o1', { skus: ['a'], cents: 5 }))
    await untilProcessed(emaki, 1)
    const notices: Notice[] = []
    const watch = new FindingWatch({
      ...{ store, detectors: [rates[spec]], now: () => until + 150_000, metrics: new Metrics(), isOwner: () => true },
      report: notice => void notices.push(notice as Notice),
    })
    for (const _ of [1, 2]) await watch.look()
    expect(notices.map(({ code, fields }) => [code, fields['subject'], fields['change']])).toEqual([
      ['finding-opened', 'rejection order.not-paid', 'burst'],
      ['finding-opened', 'rejected order.send', 'surge'],
      ['finding-opened', 'delay order.rates', 'surge'],
      ['finding-opened', 'lag order.rates', 'surge'],
    ])
    expect(notices[0]!.message).toMatch(/^rejection order\.not-paid comes about four times .* \d+ rejections where \d+ were/)
    expect(notices[1]!.message).toMatch(
      /^rejected order\.send: about eight times as many .*, 80 % where 20 % is usual, of \d+\. /,
    )
    expect(notices[2]!.message).toMatch(/^delay order\.rates: .* eight times as long .*, 3 s where 20 ms is usual\. /)
    expect(notices[3]!.message).toMatch(/^lag order\.rates: many more events wait .*, 1900 events where 0 events are usual\. /)
    for (const subject of ['rejection order.not-paid', 'rejected order.send', 'delay order.rates', 'lag order.rates'])
      expect(watch.open).toContainEqual({ values: ['rates', subject], value: 1 })
    const call = { serve: [order, rates], store }
    expect((await runVerb(findingsVerb, call)).out).toMatch(
      /rejection order\.not-paid +burst(.|\n)+rejected order\.send +surge .* 80 % +20 %/,
    )
    const tested = (await runVerb(backtestVerb, call)).out
    const begin = new Date(until - 398 * HOUR_MS).toISOString().slice(0, 16)
    expect(tested).toContain(`you would have been called 4 times from ${begin}Z`)
    expect(tested).toMatch(/rejection order\.not-paid +burst/)
    expect(tested).toMatch(
      /SHARE +USUAL(.|\n)+DELAY OR LAG +USUAL(.|\n)+delay order\.rates +20 ms .*\nlag order\.rates +0 events/,
    )
    const strict = await runVerb(backtestVerb, { ...call, serve: [shelf, shelfRates] })
    expect(strict.out).not.toContain('rejection order')
  })
})
