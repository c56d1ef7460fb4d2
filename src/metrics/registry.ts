// The registry of metrics. A series is found once and then kept by who records, so that a record costs tens of ns.
import { settleWithin } from '../lib/deadline.ts'
import { verbCommand } from '../lib/verb-command.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Counter, Histogram, Meter, Observation, Observed } from '../ports/metrics/meter.ts'
import type { Distribution, Exemplar, MetricReading, Series } from '../ports/metrics/reading.ts'
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  METRICS,
  type MetricName,
  type ValuesOf,
} from '../ports/metrics/table.ts'

/** How many series a metric may have. What comes beyond is counted in one series whose attributes are all `other`. */
export const SERIES_MAX = 1_000
const OTHER = 'other'

export class Sum implements Counter {
  #value = 0

  get value(): number {
    return this.#value
  }

  add(more = 1): void {
    this.#value += more
  }
}

/** Begins no second reading while the first one goes on. */
function oneAtATime<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | null = null
  return () => {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }
}

/** A histogram whose buckets have these upper bounds. */
export class Buckets implements Histogram, Distribution {
  readonly counts: number[]
  readonly exemplars: (Exemplar | undefined)[] = []
  #sum = 0
  readonly #bounds: readonly number[]

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }

  get sum(): number {
    return this.#sum
  }

  record(value: number, traceparent?: string): void {
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && value > bounds[i]!) i++
    this.counts[i]!++
    this.#sum += value
    if (traceparent?.endsWith('-01')) this.exemplars[i] = { traceId: traceparent.slice(3, 35), value, at: Date.now() }
  }
}

/** What mends a reading that fails. */
export function readingMend(): string {
  return `The other metrics are answered meanwhile. See what the store says: \`${verbCommand('doctor')}\`.`
}

/** Reads what is true now, when somebody asks. */
type Observer = () => Promise<ReadonlyMap<MetricName, readonly Observation[]>>

type Observing = { readonly names: readonly MetricName[]; readonly observe: Observer; readonly episode: Episode }
/**
 * How long a scrape waits for a reading, in ms. A store that does not answer leaves out what is read from it, and nothing
 * else: a scrape that fails would only say that the process is away.
 */
const READ_MS = 1_000
type Kept = { readonly values: readonly string[]; readonly counted: Sum | Buckets }

export class Metrics implements Meter {
  readonly #kept = new Map<MetricName, Map<string, Kept>>()
  readonly #observers: Observing[] = []
  readonly #others: (() => Promise<readonly MetricReading[]>)[] = []
  readonly #readMs: number
  #report: Report = () => {}

  /** `readMs`: how long a scrape waits for a reading. Default: 1 000. */
  constructor({ readMs = READ_MS }: { readonly readMs?: number } = {}) {
    this.#readMs = readMs
  }

  /** Has it said once an episode what cannot be read. Until then it is only counted. */
  reportTo(report: Report): void {
    this.#report = report
  }

  counter<N extends CounterName>(name: N, ...values: ValuesOf<N>): Sum {
    return this.#find(name, values, () => new Sum()) as Sum
  }

  upDownCounter<N extends GaugeName>(name: N, ...values: ValuesOf<N>): Sum {
    return this.#find(name, values, () => new Sum()) as Sum
  }

  histogram<N extends HistogramName>(name: N, ...values: ValuesOf<N>): Buckets {
    return this.#find(name, values, () => new Buckets(METRICS[name].bounds)) as Buckets
  }

  /** The series of a metric that were recorded so far, without what is read when somebody asks. */
  *kept(name: MetricName): Generator<Kept> {
    yield* this.#kept.get(name)?.values() ?? []
  }

  /** A reading that throws is also counted in `emaki.telemetry.failures`. */
  observe<N extends GaugeName | CounterName>(names: readonly N[], read: () => Observed<N> | Promise<Observed<N>>): void {
    const observe = oneAtATime(async () => new Map(Object.entries(await read()) as [MetricName, readonly Observation[]][]))
    const what = `${names.join(', ')} cannot be read for a scrape`
    const mend = readingMend()
    this.#observers.push({ names, observe, episode: new Episode({ report: one => this.#report(one), what, mend }) })
  }

  /** Has metrics read that the table does not have, after it. Nothing may throw there. */
  include(read: () => Promise<readonly MetricReading[]>): void {
    this.#others.push(read)
  }

  /** From now on nothing is read any more: what was counted is left, for a last push after the store is closed. */
  endObserving(): void {
    this.#observers.length = 0
    this.#others.length = 0
  }

  /** Reads all metrics, in the order of the table. A metric without a series is left out. */
  async read(): Promise<readonly MetricReading[]> {
    const others = (await Promise.all(this.#others.map(read => read()))).flat()
    const own = await this.#readTable(others.reduce((sum, { series }) => sum + series.length, 0))
    return [...own, ...others]
  }

  async #readTable(others: number): Promise<readonly MetricReading[]> {
    const observed = new Map<MetricName, Series[]>()
    await Promise.all(this.#observers.map(one => this.#observeInto(observed, one)))
    const kept = [...this.#kept.values()].reduce((sum, { size }) => sum + size, 0)
    const many = [...observed.values()].reduce((sum, { length }) => sum + length, kept + others)
    observed.set('emaki.telemetry.series', [{ values: [], counted: many + 1 }])
    return (Object.keys(METRICS) as MetricName[]).flatMap(name => {
      const own = [...(this.#kept.get(name)?.values() ?? [])].map(({ values, counted }) => ({
        values,
        counted: counted instanceof Sum ? counted.value : counted,
      }))
      const series = [...own, ...(observed.get(name) ?? [])]
      return series.length ? [{ name, row: METRICS[name], series }] : []
    })
  }

  async #observeInto(observed: Map<MetricName, Series[]>, { names, observe, episode }: Observing): Promise<void> {
    try {
      for (const [name, readings] of await settleWithin(
        this.#readMs,
        observe(),
        () => new Error(`it took longer than ${this.#readMs} ms`),
      )) {
        const series = readings.slice(0, SERIES_MAX).map(({ values, value }) => ({ values, counted: value }))
        if (readings.length > series.length) this.counter('emaki.telemetry.dropped', name).add(readings.length - series.length)
        observed.set(name, [...(observed.get(name) ?? []), ...series])
      }
      episode.succeed()
    } catch (error) {
      episode.fail(error)
      for (const name of names) this.counter('emaki.telemetry.failures', name).add()
    }
  }

  #find(name: MetricName, values: readonly string[], create: () => Sum | Buckets): Sum | Buckets {
    const series = this.#kept.get(name) ?? new Map<string, Kept>()
    this.#kept.set(name, series)
    const key = values.join('\u0000')
    const found = series.get(key)
    if (found) return found.counted
    if (series.size >= SERIES_MAX && values[0] !== OTHER) {
      this.counter('emaki.telemetry.dropped', name).add()
      return this.#find(
        name,
        values.map(() => OTHER),
        create,
      )
    }
    const kept = { values, counted: create() }
    series.set(key, kept)
    return kept.counted
  }
}
