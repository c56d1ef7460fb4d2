import { describe, expect, test } from 'bun:test'
import type { Notice } from '../ports/report/notice.ts'
import type { MetricReading } from '../ports/metrics/reading.ts'
import type { MetricName } from '../ports/metrics/table.ts'
import { seriesOf as countsOf } from '../test-support/series.ts'
import { Buckets, Metrics, SERIES_MAX } from './registry.ts'

const seriesOf = (readings: readonly MetricReading[], name: MetricName) => readings.find(one => one.name === name)?.series ?? []

describe('the registry of metrics', () => {
  test('a counter is one for each value of its attributes, and sums what is added', async () => {
    const metrics = new Metrics()
    metrics.counter('emaki.events.appended', 'order.Placed').add()
    metrics.counter('emaki.events.appended', 'order.Placed').add(2)
    metrics.counter('emaki.events.appended', 'order.Paid').add(5)
    expect(seriesOf(await metrics.read(), 'emaki.events.appended')).toEqual([
      { values: ['order.Placed'], counted: 3 },
      { values: ['order.Paid'], counted: 5 },
    ])
  })

  test('a histogram counts a value in the first bucket whose bound it does not exceed, and what exceeds all in the last', () => {
    const histogram = new Buckets([1, 5])
    for (const value of [0, 1, 1.5, 5, 5.1, 100]) histogram.record(value)
    expect([histogram.counts, histogram.sum]).toEqual([[2, 2, 2], 112.6])
  })

  test('a histogram keeps the last sampled trace of a bucket as its example, and no other', () => {
    const histogram = new Buckets([1])
    const traceOf = (id: string, flags: string) => `00-${id.repeat(32)}-${'b'.repeat(16)}-${flags}`
    histogram.record(0.5, traceOf('a', '01'))
    histogram.record(0.7, traceOf('c', '00'))
    histogram.record(2, traceOf('d', '00'))
    histogram.record(2)
    expect(histogram.exemplars[0]).toMatchObject({ traceId: 'a'.repeat(32), value: 0.5 })
    expect(histogram.exemplars[1]).toBeUndefined()
  })

  test('series beyond the bound are counted in one that is called other, and it is told how many values were', async () => {
    const metrics = new Metrics()
    for (let i = 0; i < SERIES_MAX + 3; i++) metrics.counter('emaki.command.rejections', 'order.place', `code-${i}`).add()
    const readings = await metrics.read()
    const series = seriesOf(readings, 'emaki.command.rejections')
    expect(series).toHaveLength(SERIES_MAX + 1)
    expect(series.at(-1)).toEqual({ values: ['other', 'other'], counted: 3 })
    expect(seriesOf(readings, 'emaki.telemetry.dropped')).toEqual([{ values: ['emaki.command.rejections'], counted: 3 }])
  })

  test('a value of now is read when somebody asks, each time', async () => {
    const metrics = new Metrics()
    let head = 1
    metrics.observe(['emaki.log.head'], () => ({ 'emaki.log.head': [{ values: [], value: head }] }))
    expect(seriesOf(await metrics.read(), 'emaki.log.head')).toEqual([{ values: [], counted: 1 }])
    head = 7
    expect(seriesOf(await metrics.read(), 'emaki.log.head')).toEqual([{ values: [], counted: 7 }])
  })

  test('a value that cannot be read leaves its metrics out, is counted, and takes no other away', async () => {
    const metrics = new Metrics()
    metrics.counter('emaki.events.appended', 'order.Placed').add()
    metrics.observe(['emaki.subscription.lag', 'emaki.subscription.lag.time'], () =>
      Promise.reject(new Error('the database is away')),
    )
    await metrics.read()
    const readings = await metrics.read()
    expect(seriesOf(readings, 'emaki.subscription.lag')).toEqual([])
    expect(seriesOf(readings, 'emaki.events.appended')).toHaveLength(1)
    expect(seriesOf(readings, 'emaki.telemetry.failures')).toEqual([
      { values: ['emaki.subscription.lag'], counted: 2 },
      { values: ['emaki.subscription.lag.time'], counted: 2 },
    ])
  })

  test('a value that cannot be read again and again is reported once as that begins, and once as it ends', async () => {
    const metrics = new Metrics()
    const told: unknown[] = []
    metrics.reportTo(problem => void told.push((problem as Notice).code))
    let isAway = true
    metrics.observe(['emaki.log.head'], () => {
      if (isAway) throw new Error('the database is away')
      return { 'emaki.log.head': [{ values: [], value: 1 }] }
    })
    for (const _ of [1, 2, 3]) await metrics.read()
    expect(told).toEqual(['retry-began'])
    isAway = false
    for (const _ of [1, 2]) await metrics.read()
    expect(told).toEqual(['retry-began', 'retry-ended'])
  })

  test('the number of series is a metric', async () => {
    const metrics = new Metrics()
    metrics.counter('emaki.events.appended', 'order.Placed').add()
    metrics.observe(['emaki.log.head'], () => ({ 'emaki.log.head': [{ values: [], value: 1 }] }))
    expect(seriesOf(await metrics.read(), 'emaki.telemetry.series')).toEqual([{ values: [], counted: 3 }])
  })

  test('a registry whose store is closed gives what was counted, and asks for nothing any more', async () => {
    const metrics = new Metrics()
    metrics.counter('emaki.events.appended', 'order.Placed').add()
    metrics.observe(['emaki.log.head'], () => {
      throw new Error('the store is closed')
    })
    metrics.endObserving()
    const names = (await metrics.read()).map(({ name }) => name)
    expect(names).toEqual(['emaki.events.appended', 'emaki.telemetry.series'])
  })
})

test('a reading that does not come is left out of a scrape and counted as failed, and is not begun again while it goes on', async () => {
  const metrics = new Metrics({ readMs: 1 })
  const coming = Promise.withResolvers<void>()
  let begun = 0
  metrics.observe(['emaki.log.head'], async () => {
    begun++
    await coming.promise
    return { 'emaki.log.head': [{ values: [], value: 7 }] }
  })
  const names = async () => (await metrics.read()).map(({ name }) => name)
  expect([await names(), await names()].flat()).not.toContain('emaki.log.head')
  expect(begun).toBe(1)
  // The third scrape is this one.
  expect(await countsOf(metrics, 'emaki.telemetry.failures')).toEqual({ 'emaki.log.head': 3 })
  coming.resolve()
  await Bun.sleep(0)
  expect(await names()).toContain('emaki.log.head')
})
