// What a row of the table of metrics becomes on a dashboard: a panel whose title is its question.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { LegendDisplayMode, LegendPlacement, SortOrder, TooltipDisplayMode } from '@grafana/grafana-foundation-sdk/common'
import { VizLegendOptionsBuilder, VizTooltipOptionsBuilder } from '@grafana/grafana-foundation-sdk/common'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { MetricRow } from '../../src/ports/metrics/row.ts'
import type { MetricName } from '../../src/ports/metrics/table.ts'
import { prometheusLabel, prometheusName } from '../../src/definitions/measure/metric-name.ts'

/** A question in PromQL, and how its series are called. `exemplar` shows traces of single values beside it. */
export type Query = { readonly expr: string; readonly legend?: string; readonly exemplar?: boolean }
export type Question = {
  readonly title: string
  readonly about: string
  readonly unit: string
  readonly queries: readonly Query[]
}

/** The series of the processes that are chosen above a dashboard. */
export const CHOSEN = '{job=~"$job"}'
const SOURCE = { type: 'prometheus', uid: '$datasource' }

/** The question of a metric, asked as its kind is asked. */
export function questionOf(name: MetricName, row: MetricRow): Question {
  return { title: row.question, about: row.help, unit: unitOf(row), queries: queriesOf(name, row) }
}

function queriesOf(name: MetricName, row: MetricRow): readonly Query[] {
  const series = prometheusName(name, row)
  // What a process says of itself is shown for each; what the store says is the same for all.
  const labels = [...(row.board === 'runtime' ? ['instance'] : []), ...row.attributes.map(prometheusLabel)]
  const legend = labels.map(label => `{{${label}}}`).join(' ')
  const by = (all: readonly string[]) => (all.length ? ` by (${all.join(', ')})` : '')
  if (row.kind === 'counter')
    return [{ expr: `sum${by(labels)} (rate(${series}_total${CHOSEN}[$__rate_interval]))`, legend: legend || 'all' }]
  if (row.kind === 'gauge') {
    const total = row.attributes.length || row.board === 'runtime' ? 'max' : 'sum'
    return [{ expr: `${total}${by(labels)} (${series}${CHOSEN})`, legend: legend || 'all' }]
  }
  const [first] = row.attributes.map(prometheusLabel)
  const buckets = `sum${by(['le', ...(first ? [first] : [])])} (rate(${series}_bucket${CHOSEN}[$__rate_interval]))`
  return [0.5, 0.99].map(quantile => ({
    expr: `histogram_quantile(${quantile}, ${buckets})`,
    legend: `${first ? `{{${first}}} ` : ''}p${quantile * 100}`,
    exemplar: quantile > 0.5,
  }))
}

function unitOf({ kind, unit }: MetricRow): string {
  if (unit === 'By') return kind === 'counter' ? 'Bps' : 'bytes'
  if (unit === 's') return kind === 'counter' ? 'short' : 's'
  return kind === 'counter' ? 'cps' : 'short'
}

/** A panel of values over time. */
export function timeseries({ title, about, unit, queries }: Question): Builder<Panel> {
  const panel = new TimeseriesBuilder().title(title).description(about).unit(unit).datasource(SOURCE).span(12).height(8)
  panel.legend(
    new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).showLegend(true),
  )
  panel.tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
  for (const [index, query] of queries.entries()) panel.withTarget(target(query, index))
  return panel
}

/** A panel of one value. */
export function stat({ title, about, unit, queries }: Question): Builder<Panel> {
  const panel = new StatBuilder().title(title).description(about).unit(unit).datasource(SOURCE).span(4).height(4)
  for (const [index, query] of queries.entries()) panel.withTarget(target(query, index))
  return panel
}

function target({ expr, legend = '', exemplar = false }: Query, index: number): DataqueryBuilder {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index)
  return new DataqueryBuilder().expr(expr).legendFormat(legend).exemplar(exemplar).refId(refId).datasource(SOURCE)
}
