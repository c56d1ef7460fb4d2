// What a row of the table of metrics says.

/** The bounds of durations, in seconds. */
export const SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
/** The bounds of counts in a batch. */
export const COUNTS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

/** A dashboard. `runtime` is a row at the end of each. */
export type Board = 'overview' | 'commands' | 'subscriptions' | 'processes' | 'log' | 'business' | 'runtime'

export type MetricRow = {
  /** `counter`: a sum that grows. `gauge`: a value of now, read when somebody asks. `histogram`: values by size. */
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** The unit by UCUM, as OpenTelemetry writes it: `s`, `By`, or what is counted, in braces. */
  readonly unit: string
  /** The names of the attributes, in the order in which their values are given. */
  readonly attributes: readonly string[]
  /** What it says, in one sentence. */
  readonly help: string
  /** The dashboard that shows it, and what its panel answers. */
  readonly board: Board
  readonly question: string
  /** A histogram: the upper bounds of its buckets, in its unit. */
  readonly bounds?: readonly number[]
}
