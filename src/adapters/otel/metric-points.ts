// Makes OpenTelemetry's points of what a registry holds. Names, units and attributes are the same in both.
import type { HrTime } from '@opentelemetry/api'
import type { DataPoint, Histogram, MetricData, PushMetricExporter } from '@opentelemetry/sdk-metrics'
import type { Distribution, MetricReading, Series } from '../../ports/metrics/reading.ts'
import type { Board } from '../../ports/metrics/row.ts'
import type { MetricPackages } from './packages.ts'

/** What was sent before, by series: where a back end wants what was added since. */
type Before = { readonly value: number; readonly sum: number; readonly counts: readonly number[]; readonly at: HrTime }
const NONE = { value: 0, sum: 0, counts: [] } as const

export class MetricPoints {
  readonly #sdk: MetricPackages['sdk']
  readonly #exporter: PushMetricExporter
  readonly #began: HrTime = now()
  readonly #before = new Map<string, Before>()

  constructor({ sdk }: MetricPackages, exporter: PushMetricExporter) {
    this.#sdk = sdk
    this.#exporter = exporter
  }

  /** The points of a metric at this moment. OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE says whether sums are of all time. */
  of({ name, row, series }: MetricReading): MetricData {
    const { DataPointType, InstrumentType } = this.#sdk
    const descriptor = { name, description: row.help, unit: row.unit, valueType: 1 }
    const attributesOf = (values: readonly string[]) => Object.fromEntries(row.attributes.map((key, i) => [key, values[i]!]))
    const endTime = now()
    if (row.kind === 'gauge') {
      const point = ({ values, counted }: Series) => ({
        startTime: this.#began,
        endTime,
        attributes: attributesOf(values),
        value: counted as number,
      })
      const temporality = this.#sdk.AggregationTemporality.CUMULATIVE
      return {
        descriptor,
        aggregationTemporality: temporality,
        dataPointType: DataPointType.GAUGE,
        dataPoints: series.map(point),
      }
    }
    const kind = row.kind === 'counter' ? InstrumentType.COUNTER : InstrumentType.HISTOGRAM
    const aggregationTemporality = this.#temporality(kind, row.board)
    const isDelta = aggregationTemporality === this.#sdk.AggregationTemporality.DELTA
    const points = series.map(({ values, counted }) => {
      const before = isDelta ? this.#exchange(`${name}\0${values.join('\0')}`, counted, endTime) : null
      const at = { startTime: before?.at ?? this.#began, endTime, attributes: attributesOf(values) }
      return typeof counted === 'number'
        ? { ...at, value: counted - (before?.value ?? 0) }
        : { ...at, value: histogramOf(row.bounds ?? [], counted, before ?? NONE) }
    })
    return row.kind === 'counter'
      ? {
          descriptor,
          aggregationTemporality,
          dataPointType: DataPointType.SUM,
          isMonotonic: true,
          dataPoints: points as DataPoint<number>[],
        }
      : {
          descriptor,
          aggregationTemporality,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: points as DataPoint<Histogram>[],
        }
  }

  /** A measure is one value of the log that every process sends: added up over processes, its growth would be too much. */
  #temporality(kind: Parameters<NonNullable<PushMetricExporter['selectAggregationTemporality']>>[0], board: Board) {
    const { CUMULATIVE } = this.#sdk.AggregationTemporality
    return board === 'business' ? CUMULATIVE : (this.#exporter.selectAggregationTemporality?.(kind) ?? CUMULATIVE)
  }

  /** Gives what was sent before, and keeps what is sent now. */
  #exchange(key: string, counted: number | Distribution, at: HrTime): Before | null {
    const before = this.#before.get(key) ?? null
    const kept =
      typeof counted === 'number' ? { ...NONE, value: counted } : { value: 0, sum: counted.sum, counts: [...counted.counts] }
    this.#before.set(key, { ...kept, at })
    return before
  }
}

function histogramOf(bounds: readonly number[], { counts, sum }: Distribution, before: Omit<Before, 'at'>): Histogram {
  const added = counts.map((count, i) => count - (before.counts[i] ?? 0))
  const count = added.reduce((total, one) => total + one, 0)
  return { buckets: { boundaries: [...bounds], counts: added }, sum: sum - before.sum, count }
}

function now(): HrTime {
  const ms = Date.now()
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000]
}
