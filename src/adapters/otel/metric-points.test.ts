import { describe, expect, test } from 'bun:test'
import * as sdk from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { Metrics } from '../../metrics/registry.ts'
import { prometheusName } from '../../definitions/measure/metric-name.ts'
import { METRICS, type MetricName } from '../../ports/metrics/table.ts'
import { MetricPoints } from './metric-points.ts'

const { CUMULATIVE, DELTA } = sdk.AggregationTemporality

function pointsBy(temporality: sdk.AggregationTemporality): MetricPoints {
  const exporter = { selectAggregationTemporality: () => temporality } as unknown as sdk.PushMetricExporter
  return new MetricPoints({ sdk, exporter: { OTLPMetricExporter: class {} as never } }, exporter)
}

async function readBy(points: MetricPoints, metrics: Metrics, name: MetricName): Promise<sdk.MetricData> {
  const reading = (await metrics.read()).find(one => one.name === name)
  return points.of(reading!)
}

/** The name that the collector and Prometheus' own receiver of OTLP give a metric, by the specification of the translation. */
function translated(name: string, unit: string, kind: 'counter' | 'gauge' | 'histogram'): string {
  const units: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' }
  const suffixes = [
    ...(units[unit] ? [units[unit]] : []),
    ...(unit === '1' && kind === 'gauge' ? ['ratio'] : []),
    ...(kind === 'counter' ? ['total'] : []),
  ]
  return suffixes.reduce(
    (whole, suffix) => (whole.endsWith(`_${suffix}`) ? whole : `${whole}_${suffix}`),
    name.replaceAll('.', '_'),
  )
}

describe('metrics by OTLP', () => {
  test('every metric has the same name in Prometheus, by a scrape and by OTLP', () => {
    const rows = Object.entries(METRICS)
    expect(rows.length).toBeGreaterThan(30)
    for (const [name, row] of rows)
      expect(translated(name, row.unit, row.kind)).toBe(prometheusName(name, row) + (row.kind === 'counter' ? '_total' : ''))
  })

  test('a counter is a sum that only grows, a gauge a value, a histogram has its bounds, and all have names, units and attributes', async () => {
    const metrics = new Metrics()
    const points = pointsBy(CUMULATIVE)
    metrics.counter('emaki.command.rejections', 'order.ship', 'not-paid').add(3)
    metrics.histogram('emaki.append.duration', 'done').record(0.004)
    metrics.observe(['emaki.log.head'], () => ({ 'emaki.log.head': [{ values: [], value: 7 }] }))
    expect(await readBy(points, metrics, 'emaki.command.rejections')).toMatchObject({
      descriptor: { name: 'emaki.command.rejections', unit: '{rejection}' },
      dataPointType: sdk.DataPointType.SUM,
      isMonotonic: true,
      aggregationTemporality: CUMULATIVE,
      dataPoints: [{ attributes: { 'emaki.command': 'order.ship', code: 'not-paid' }, value: 3 }],
    })
    const { dataPointType, dataPoints } = await readBy(points, metrics, 'emaki.append.duration')
    const value = dataPoints[0]!.value as sdk.Histogram
    expect([dataPointType, value.sum, value.count]).toEqual([sdk.DataPointType.HISTOGRAM, 0.004, 1])
    expect(value.buckets.counts.length).toBe(value.buckets.boundaries.length + 1)
    expect(value.buckets.counts[value.buckets.boundaries.indexOf(0.005)]).toBe(1)
    expect(await readBy(points, metrics, 'emaki.log.head')).toMatchObject({
      dataPointType: sdk.DataPointType.GAUGE,
      dataPoints: [{ attributes: {}, value: 7 }],
    })
  })

  test('what was sent since the last push adds up to the whole, over any pushes, where a back end wants that', async () => {
    const steps = fc.array(fc.oneof(fc.constant('push' as const), fc.integer({ min: 1, max: 40 })), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(steps, async acts => {
        const metrics = new Metrics()
        const [deltas, whole] = [pointsBy(DELTA), pointsBy(CUMULATIVE)]
        const found = { sum: 0, count: 0, counts: [] as number[] }
        const push = async () => {
          const [sent] = (await readBy(deltas, metrics, 'emaki.append.commands')).dataPoints
          const { sum = 0, count, buckets } = sent!.value as sdk.Histogram
          found.sum += sum
          found.count += count
          found.counts = buckets.counts.map((one, i) => one + (found.counts[i] ?? 0))
        }
        const histogram = metrics.histogram('emaki.append.commands')
        for (const act of acts) {
          if (act === 'push') await push()
          else histogram.record(act)
        }
        await push()
        const [all] = (await readBy(whole, metrics, 'emaki.append.commands')).dataPoints
        const { sum, count, buckets } = all!.value as sdk.Histogram
        expect(found).toEqual({ sum: sum!, count, counts: buckets.counts })
      }),
    )
  })

  test('a push of what was added since has the time of the push before as its start', async () => {
    const metrics = new Metrics()
    const points = pointsBy(DELTA)
    metrics.counter('emaki.command.invalid', 'order.place').add()
    const [first] = (await readBy(points, metrics, 'emaki.command.invalid')).dataPoints
    const [second] = (await readBy(points, metrics, 'emaki.command.invalid')).dataPoints
    expect([first!.value, second!.value, second!.startTime]).toEqual([1, 0, first!.endTime])
  })

  test('a measure, which is one value of the log, is sent whole also where a back end wants what was added since', async () => {
    const row = {
      kind: 'counter',
      unit: 'cents',
      attributes: [],
      help: 'Revenue.',
      board: 'business',
      question: 'How much?',
    } as const
    const points = pointsBy(DELTA)
    const send = (counted: number) => points.of({ name: 'revenue', row, series: [{ values: [], counted }] })
    const [first, second] = [send(5), send(7)]
    expect([first.aggregationTemporality, second.dataPoints[0]!.value]).toEqual([CUMULATIVE, 7])
  })
})
