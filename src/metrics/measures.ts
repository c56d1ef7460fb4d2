// The metrics that measures give. Their values are rows, so every node shows the same.
import type { Definitions } from '../definitions/definition.ts'
import type { MeasureSpec } from '../definitions/measure/measure.ts'
import { readSum, SINCE } from '../definitions/measure/sums.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { MetricReading, Series } from '../ports/metrics/reading.ts'
import { keepFor } from '../lib/keep-for.ts'
import { type Metrics, SERIES_MAX } from './registry.ts'

/** How old the values may be that a scrape is answered with, in ms: they are read from the store. */
const VALUES_KEEP_MS = 1_000

type Measuring = {
  readonly definitions: Pick<Definitions, 'measure'>
  readonly store: Pick<Store, 'readModel'>
  readonly metrics: Metrics
  readonly report: Report
}
/** Finds the tables that serve. */
type Tables = Pick<Subscriptions, 'versionsOf'>

/** Has measures read when somebody asks for the metrics. */
export function observeMeasures(measuring: Measuring, tables: Tables): void {
  for (const measure of measuring.definitions.measure.values())
    measuring.metrics.include(measureReader(measuring, tables, measure))
}

/** Makes a function that reads one measure. What cannot be read is left out, counted, and reported once an episode. */
function measureReader(measuring: Measuring, tables: Tables, measure: MeasureSpec): () => Promise<readonly MetricReading[]> {
  const { name, metric } = measure
  const { metrics, report } = measuring
  const episode = new Episode({ report, what: `The measure ${name} cannot be read for a scrape`, mend: MEND })
  const read = keepFor(VALUES_KEEP_MS, () => readSeries(measuring, tables, measure))
  return async () => {
    try {
      const series = await read()
      episode.succeed()
      return series.length ? [{ name, row: { ...metric, board: 'business' }, series }] : []
    } catch (error) {
      episode.fail(error)
      metrics.counter('emaki.telemetry.failures', name).add()
      return []
    }
  }
}
const MEND = 'The other metrics are answered meanwhile. See what the store says: emaki doctor.'

/** Reads the series of a measure, the oldest first. None: its rows are still being made. */
async function readSeries({ store, metrics }: Measuring, tables: Tables, { name }: MeasureSpec): Promise<readonly Series[]> {
  const { serving } = tables.versionsOf(name)
  if (!serving) return []
  const oldest = { where: [], sort: [{ field: SINCE, descending: false }], after: null, limit: SERIES_MAX + 1 }
  const { found } = await store.readModel.list(serving.table, oldest)
  if (found.length > SERIES_MAX) metrics.counter('emaki.telemetry.dropped', name).add()
  return found.slice(0, SERIES_MAX).map(row => {
    const { values, value } = readSum(row)
    return { values, counted: value }
  })
}
