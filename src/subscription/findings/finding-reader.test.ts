import { afterEach, expect, test } from 'bun:test'
import { postgres } from '../../adapters/postgres/index.ts'
import { Detection } from '../../definitions/detector/detection.ts'
import { type Detector, detector } from '../../definitions/detector/detector.ts'
import { readHour } from '../../definitions/detector/hour-row.ts'
import { HOUR_MS } from '../../definitions/detector/settings.ts'
import { spec } from '../../definitions/event/events.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { runtime } from '../../runtime.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { Order, order } from '../../test-support/fulfilment.ts'
import { testSchema } from '../../test-support/schema.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'
import { FindingReader } from './finding-reader.ts'

afterEach(cleanUp)

const rates: Detector<'rates'> = detector('rates', { from: Order })
const HOURS = 300
const SILENT_HOURS = 10

/** Rows of two types in each hour: more than a page has, so that some pages end within an hour. The one falls silent. */
const ROWS = Array.from({ length: HOURS + SILENT_HOURS }, (_, hour) =>
  (hour < HOURS ? ['Cancelled', 'Paid', 'Placed'] : ['Cancelled', 'Paid']).map(type => ({
    key: `${new Date(hour * HOUR_MS).toISOString().slice(0, 13)} order.${type}`,
    data: JSON.stringify({ minutes: new Array<number>(60).fill(1), last: [hour], follows: {} }),
    ...{ position: hour, parked: null },
  })),
).flat()

/** A store that has only these rows, and a checkpoint. */
function storeOf(position: { now: number }): Store {
  const store = memory()
  const progress = { name: 'rates_v1', start: 0, epoch: 1, savedAt: '' }
  const list: Store['readModel']['list'] = async (_, { after, limit }) => {
    const found = ROWS.filter(({ key }) => key > after!.key).slice(0, limit)
    return { found, position: position.now, parked: null }
  }
  const readModel = { serving: async () => 'rates_v1', progress: async () => [{ ...progress, position: position.now }], list }
  return { ...store, readAll: async () => [], readModel: { ...store.readModel, ...readModel } }
}

const NOW = (HOURS + SILENT_HOURS) * HOUR_MS + 60_000

test('a reader of findings finds over many pages what is found at once', async () => {
  const whole = new Detection(10)
  whole.add(ROWS.map(({ key, data }) => readHour(key, data)))
  whole.close(NOW - 30_000)
  expect(whole.findings).toMatchObject([{ subject: 'order.Placed', change: 'silence' }])
  const reading = await new FindingReader(storeOf({ now: 9 }), rates[spec], () => NOW).read()
  expect(reading.findings).toEqual(whole.findings)
  expect(reading.subjects).toEqual(whole.sights)
})

test('a reader of findings begins anew where the rows are counted anew', async () => {
  const [position, clock] = [{ now: 9 }, { now: NOW }]
  const reader = new FindingReader(storeOf(position), rates[spec], () => clock.now)
  expect((await reader.read()).findings).toHaveLength(1)
  position.now = 0
  clock.now = HOUR_MS * 100
  expect((await reader.read()).findings).toEqual([])
})

test('a reader of findings on PostgreSQL sees each type that was counted', async () => {
  const { url, schema, drop } = await testSchema()
  cleanUpLater(drop)
  const store = postgres(url, { schema })
  const emaki = await runtime({ serve: [order, rates], store, report: () => {} })
  cleanUpLater(() => emaki.close())
  for (const id of ['o1', 'o2']) await emaki.send(order.place(id, { skus: ['a'], cents: 5 }))
  await emaki.send(order.pay('o1', {}))
  await untilProcessed(emaki, 3)
  const later = Date.now() + 3 * HOUR_MS
  const { until, subjects } = await new FindingReader(store, rates[spec], () => later).read()
  expect(until).toBe(later - 30_000)
  expect(subjects.map(({ subject }) => subject).toSorted()).toEqual(['order.Paid', 'order.Placed'])
  expect(subjects.every(({ isLearning }) => isLearning)).toBe(true)
})
