// What a registry of metrics holds at one moment.
import type { MetricRow } from './row.ts'

/** A value of a sampled trace that a bucket of a histogram keeps as its example. */
export type Exemplar = { readonly traceId: string; readonly value: number; readonly at: number }

/** Values by size. `counts` has one bucket more than there are bounds: for what is greater than all. */
export type Distribution = {
  readonly counts: readonly number[]
  readonly sum: number
  readonly exemplars: readonly (Exemplar | undefined)[]
}

/** One series: the values of its attributes, in the order of the metric's row, and what it counts. */
export type Series = { readonly values: readonly string[]; readonly counted: number | Distribution }
/** A metric with its series at one moment. Its name is one of the table, or that of a measure. */
export type MetricReading = { readonly name: string; readonly row: MetricRow; readonly series: readonly Series[] }
/** Reads all metrics of a registry. */
export type ReadMetrics = () => Promise<readonly MetricReading[]>
