// What a registry of metrics holds, as tests compare it.
import type { Metrics } from '../metrics/registry.ts'
import type { MetricName } from '../ports/metrics/table.ts'

/** The series of a metric: its values, joined, and what it counts. A histogram counts its records. */
export async function seriesOf(metrics: Metrics, name: MetricName): Promise<Readonly<Record<string, number>>> {
  const found = (await metrics.read()).find(one => one.name === name)
  return Object.fromEntries(
    (found?.series ?? []).map(({ values, counted }) => [
      values.join(' '),
      typeof counted === 'number' ? counted : counted.counts.reduce((sum, count) => sum + count, 0),
    ]),
  )
}
