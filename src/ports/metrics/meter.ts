// The port by which paths and adapters measure what they do. A series is found once and then kept by who records, so
// that a record costs tens of ns.
import type { CounterName, GaugeName, HistogramName, MetricName, ValuesOf } from './table.ts'

/** A sum. It grows, unless it is that of a value of now. */
export interface Counter {
  add(more?: number): void
}

/** Values by size. */
export interface Histogram {
  /** Records a value in the metric's unit. `traceparent` of a sampled trace becomes the example of its bucket. */
  record(value: number, traceparent?: string): void
}

/** A value with those of its attributes. */
export type Observation<N extends MetricName = MetricName> = { readonly values: ValuesOf<N>; readonly value: number }
/** What a reading found, by metric. A metric that it leaves out has no value now. */
export type Observed<N extends MetricName = MetricName> = Partial<{ readonly [M in N]: readonly Observation<M>[] }>

export interface Meter {
  /** The counter of these values. Keep it where it is used often. */
  counter<N extends CounterName>(name: N, ...values: ValuesOf<N>): Counter
  /** The histogram of these values. Keep it where it is used often. */
  histogram<N extends HistogramName>(name: N, ...values: ValuesOf<N>): Histogram
  /** A value of now that goes up and down as its counter is added to, also less than 0. Keep it where it is used often. */
  upDownCounter<N extends GaugeName>(name: N, ...values: ValuesOf<N>): Counter
  /**
   * Has values read when somebody asks. One reading may give several metrics. A reading that throws leaves its metrics
   * out, and is reported once an episode.
   */
  observe<N extends GaugeName | CounterName>(names: readonly N[], read: () => Observed<N> | Promise<Observed<N>>): void
}

/** What measures what only its inside knows, such as a store with its connections. It is given its meter before it is opened. */
export interface Measured {
  /** Has it record what it does. Default: it records nothing. */
  measureWith?(meter: Meter): void
}

const nothing = { add: () => {}, record: () => {} }

/** Records nothing, and costs nothing. */
export const unmetered: Meter = {
  counter: () => nothing,
  upDownCounter: () => nothing,
  histogram: () => nothing,
  observe: () => {},
}
