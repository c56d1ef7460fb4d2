// The metrics that measures give. Their values are rows, so every node shows the same.
import type { Definitions } from '../definitions/definition.ts'
import type { MeasureSpec } from '../definitions/measure/spec.ts'
import type { MetricReading, Series } from '../ports/metrics/reading.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import { keepByCost } from './keep-by-cost.ts'
import { readMeasure } from './measure-series.ts'
import { type Metrics, readingMend } from './registry.ts'

type Measuring = {
  readonly definitions: Pick<Definitions, 'measure'>
  readonly store: Pick<Store, 'readModel'>
  readonly metrics: Metrics
  readonly report: Report
}
/** Finds the tables that serve. */
type Tables = Pick<Subscriptions, 'versionsOf'>

/** Has measures read when somebody asks for the metrics. Gives a function that ends it. */
export function observeMeasures(measuring: Measuring, tables: Tables): () => void {
  const over = new AbortController()
  for (const measure of measuring.definitions.measure.values())
    measuring.metrics.include(measureReader({ ...measuring, tables, signal: over.signal }, measure))
  return () => over.abort()
}

type Reading = Measuring & { readonly tables: Tables; readonly signal: AbortSignal }

/** Makes a function that reads one measure. What cannot be read is left out, counted, and reported once an episode. */
function measureReader(reading: Reading, measure: MeasureSpec): () => Promise<readonly MetricReading[]> {
  const { name, metric } = measure
  const { metrics, report, signal } = reading
  const episode = new Episode({ report, what: `The measure ${name} cannot be read for a scrape`, mend: readingMend() })
  const read = keepByCost(() => readSeries(reading, measure))
  return async () => {
    try {
      const series = signal.aborted ? null : await read()
      if (series) episode.succeed()
      return series?.length ? [{ name, row: { ...metric, board: 'business' }, series }] : []
    } catch (error) {
      if (signal.aborted) return []
      episode.fail(error)
      metrics.counter('emaki.telemetry.failures', name).add()
      return []
    }
  }
}

/** Reads the series of a measure. None: its rows are still being made. */
async function readSeries({ store, metrics, tables, signal }: Reading, measure: MeasureSpec): Promise<readonly Series[]> {
  const { rows } = measure.from
  const { serving } = tables.versionsOf(rows.name)
  if (serving?.spec.version !== rows.version) return []
  const { series, hasOther } = await readMeasure(measure, { readModel: store.readModel, table: serving.table, signal })
  if (hasOther) metrics.counter('emaki.telemetry.dropped', measure.name).add()
  return series
}
