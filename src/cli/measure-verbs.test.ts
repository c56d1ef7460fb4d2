// The verbs on subscriptions take a measure by its name, as they take a projection.
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { measure } from '../definitions/measure/measure.ts'
import { readSum } from '../definitions/measure/sums.ts'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { auditVerb, parkedVerb, rebuildVerb, unparkVerb } from './rows.ts'
import { statusVerb } from './subscriptions.ts'
import { whyVerb } from './why.ts'

afterEach(cleanUp)

const Sale = events('sale', { Sold: z.object({ cents: z.int() }) })
const sale = decider(Sale, {
  initial: {},
  evolve: { Sold: s => s },
  commands: { sell: z.object({ cents: z.int() }) },
  decide: { sell: (_, sold) => Sale.Sold(sold) },
})

/** A measure that cannot add up 13 until it is mended. */
function openShop() {
  const mending = { isMended: false }
  const amount = ({ cents }: { readonly cents: number }) => {
    if (cents === 13 && !mending.isMended) throw new Error('thirteen')
    return cents
  }
  const takings = measure('takings', { from: Sale, on: { Sold: amount }, unit: 'cents' })
  const later = measure('takings', { from: Sale, on: { Sold: ({ cents }) => 2 * cents }, unit: 'cents', version: 2 })
  return { mending, store: memory(), serve: [sale, takings], raised: [sale, later] }
}

async function run({ store, serve }: Pick<ReturnType<typeof openShop>, 'store' | 'serve'>) {
  const emaki = await runtime({ serve, store, report: () => {} })
  cleanUpLater(() => emaki.close())
  let sent = 0
  const sell = async (cents: number) => {
    const sold = await emaki.send(sale.sell(`s${sent++}`, { cents }))
    await untilProcessed(emaki, sold.outcome === 'accepted' ? sold.position : 0)
  }
  const valueIn = async (name: string) => {
    const table = { name, indexes: [{ field: 'since', kind: 'number' }] } as const
    const { found } = await store.readModel.list(table, { where: [], sort: [], after: null, limit: 10 })
    return found.map(row => readSum(row).value)
  }
  return { sell, valueIn }
}

test('status, parked, why, unpark, audit and rebuild take the name of a measure, and find its series', async () => {
  const { mending, store, serve } = openShop()
  const { sell, valueIn } = await run({ store, serve })
  for (const cents of [5, 13, 2]) await sell(cents)
  expect((await runVerb(statusVerb, { store, serve })).out).toMatch(/\ntakings_v1 +measure/)
  expect((await runVerb(parkedVerb, { store, serve, words: ['takings'] })).out).toContain('thirteen')
  expect((await runVerb(whyVerb, { store, serve, words: ['takings'] })).out).toContain('parked')
  mending.isMended = true
  expect((await runVerb(unparkVerb, { store, serve, words: ['takings'] })).out).toBe('1 will be handled again\n')
  await until('the series is added up', async () => (await valueIn('takings_v1'))[0] === 20)
  const audited = await runVerb(auditVerb, { store, serve, words: ['takings'] })
  expect([audited.code, audited.err]).toEqual([0, expect.stringContaining('1 keys of takings_v1 compared up to 3, 0 differ')])
  expect((await runVerb(rebuildVerb, { store, serve, words: ['takings'] })).err).toContain('takings_v1_g2 serves')
  expect(await valueIn('takings_v1_g2')).toEqual([20])
})

test('a measure whose version is raised is counted again from the first event', async () => {
  const { store, serve, raised } = openShop()
  const { sell } = await run({ store, serve })
  await sell(5)
  const next = await run({ store, serve: raised })
  await next.sell(1)
  expect(await next.valueIn('takings_v2')).toEqual([12])
  expect(raised[1]![spec].name).toBe('takings')
})
