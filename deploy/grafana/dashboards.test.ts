import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { MetricRow } from '../../src/ports/metrics/row.ts'
import { METRICS } from '../../src/ports/metrics/table.ts'
import { askedBy, problemsOf, seriesOf } from '../prometheus/asked.ts'
import { measures as marketplace } from '../../examples/marketplace/measures.ts'
import { measureQuestion } from './business.ts'
import { dashboards } from './dashboards.ts'
import { measuresOf } from './measures-of.ts'

type Shown = {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
  readonly panels?: readonly Shown[]
}
const built = dashboards()
const panelsOf = (all: readonly (typeof built)[string][]) =>
  all.flatMap(({ panels }) => (panels as unknown as readonly Shown[]).flatMap(panel => [panel, ...(panel.panels ?? [])]))
const panels = panelsOf(Object.values(built))
const expressions = panelsOf(Object.entries(built).flatMap(([name, one]) => (name === 'business' ? [] : [one]))).flatMap(
  ({ targets = [] }) => targets.map(({ expr }) => expr),
)

describe('dashboards', () => {
  for (const [name, dashboard] of Object.entries(built))
    test(`the dashboard ${name} that is kept is the one that the table of metrics makes: bun deploy/grafana/build.ts`, async () => {
      const kept = (await Bun.file(join(import.meta.dir, `dashboards/${name}.json`)).json()) as unknown
      expect(kept).toEqual(JSON.parse(JSON.stringify(dashboard)))
    })

  test('dashboards of an app ask for each of its measures once, whatever the number of nodes, and for nothing else', () => {
    const measures = measuresOf(marketplace)
    const asked = measures.flatMap(measure => measureQuestion(measure).queries.map(({ expr }) => expr))
    const measured = new Map(measures.map(({ name, metric }) => [name, seriesOf(name, { ...metric, board: 'business' })]))
    expect(asked.flatMap(expr => problemsOf(expr.replaceAll('[1h]', '[1m]'), new Set([...measured.values()].flat())))).toEqual([])
    const series = new Set(asked.flatMap(expr => askedBy(expr).series))
    expect([...measured].filter(([, all]) => !all.some(one => series.has(one))).map(([name]) => name)).toEqual([])
    expect(asked.filter(expr => !/^(histogram_quantile\(0\.\d+, )?max /.test(expr))).toEqual([])
  })

  test('dashboards ask only for metrics and labels that a process exposes, in PromQL that parses', () => {
    expect(expressions.flatMap(expr => problemsOf(expr))).toEqual([])
    expect(expressions.length).toBeGreaterThan(Object.keys(METRICS).length)
  })

  test('dashboards show each metric of the table', () => {
    const asked = new Set(expressions.flatMap(expr => askedBy(expr).series))
    const rows = Object.entries(METRICS) as [string, MetricRow][]
    expect(rows.filter(([name, row]) => !seriesOf(name, row).some(series => asked.has(series))).map(([name]) => name)).toEqual([])
  })

  test('each panel of a dashboard has a question as its title', () => {
    const titles = panels.filter(({ targets }) => targets).map(({ title }) => title)
    expect(titles.filter(title => !/^[A-Z].*\?$/.test(title))).toEqual([])
  })
})

describe('the check of an expression', () => {
  for (const [expr, problems] of [
    ['sum by (emaki_command) (rate(emaki_command_rejections_total[5m]))', []],
    ['sum by (decider) (rate(emaki_command_rejections_total[5m]))', ['no label decider']],
    ['emaki_command_rejections{code="x"}', ['no metric emaki_command_rejections', 'no label code']],
    ['sum(rate(emaki_log_head[5m])) by (job', ['37: g_head[5m])) by (job']],
  ] as const)
    test(`the check of ${expr} finds ${problems.length ? problems.join(', ') : 'nothing'}`, () =>
      expect(problemsOf(expr)).toEqual([...problems]))
})
