// The metrics of all measures of an app: no two have one name in Prometheus.
import type { MeasureSpec } from './spec.ts'
import { prometheusName } from './metric-name.ts'

/** Throws a TypeError for two measures that would be one metric: `revenue` in cents, and `revenue_cents`. */
export function checkMetrics(measures: readonly MeasureSpec[]): void {
  const owners = new Map<string, string>()
  for (const { name, metric } of measures) {
    const family = prometheusName(name, metric)
    const other = owners.get(family)
    if (other !== undefined)
      throw new TypeError(`the measures ${other} and ${name} would both be the metric ${family}: rename one`)
    owners.set(family, name)
  }
}
