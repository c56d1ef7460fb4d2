// The questions that an app's measures answer. Every node shows the same values, so they are taken once.
import type { MeasureSpec } from '../../src/definitions/measure/spec.ts'
import { prometheusLabel, prometheusName } from '../../src/definitions/measure/metric-name.ts'
import { CHOSEN, type Query, type Question } from './panels.ts'

/** What happens in an hour: business is slower than requests. */
const WINDOW = '[1h]'

/** The question of a measure, asked as its kind is asked. */
export function measureQuestion({ name, metric }: MeasureSpec): Question {
  const { question, help, unit, kind } = metric
  const hourly = kind === 'counter' ? ' Shown for each hour.' : ''
  return { title: question, about: help + hourly, unit: unit === 's' ? 's' : 'short', queries: queriesOf(name, metric) }
}

function queriesOf(name: string, metric: MeasureSpec['metric']): readonly Query[] {
  const series = prometheusName(name, metric)
  const labels = metric.attributes.map(prometheusLabel)
  const legend = labels.map(label => `{{${label}}}`).join(' ') || 'all'
  const once = (all: readonly string[], expr: string) => `max${all.length ? ` by (${all.join(', ')})` : ''} (${expr})`
  if (metric.kind === 'gauge') return [{ expr: once(labels, `${series}${CHOSEN}`), legend }]
  if (metric.kind === 'counter') return [{ expr: once(labels, `increase(${series}_total${CHOSEN}${WINDOW})`), legend }]
  const buckets = once(['le', ...labels], `increase(${series}_bucket${CHOSEN}${WINDOW})`)
  return [0.5, 0.99].map(quantile => ({
    expr: `histogram_quantile(${quantile}, ${buckets})`,
    legend: `${labels.length ? `${legend} ` : ''}p${quantile * 100}`,
  }))
}
