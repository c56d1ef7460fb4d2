// What an expression of PromQL asks for, by its grammar.
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import type { MetricRow } from '../../src/ports/metrics/row.ts'
import { METRICS } from '../../src/ports/metrics/table.ts'
import { prometheusLabel, prometheusName } from '../../src/definitions/measure/metric-name.ts'

/** The series and labels that an expression names, and where it is wrong. */
export type Asked = { readonly series: readonly string[]; readonly labels: readonly string[]; readonly wrong: readonly string[] }

/** Reads an expression. Grafana's variables count as what it puts there. */
export function askedBy(expr: string): Asked {
  const text = expr.replaceAll('$__rate_interval', '1m')
  const [series, labels, wrong] = [new Set<string>(), new Set<string>(), [] as string[]]
  parser.parse(text).iterate({
    enter: ({ type, name, from, to, node }) => {
      const part = text.slice(from, to)
      if (type.isError) wrong.push(`${from}: ${text.slice(Math.max(0, from - 20), to + 20)}`)
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') series.add(part)
      if (name === 'LabelName') labels.add(part)
    },
  })
  return { series: [...series], labels: [...labels], wrong }
}

/** The labels that a scrape adds, and that of a histogram's buckets. */
const SCRAPED = ['job', 'instance', 'le']

/** By series that a process exposes: the labels that it has. */
export const exposed: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  (Object.entries(METRICS) as [string, MetricRow][]).flatMap(([name, row]) => {
    const labels = new Set([...SCRAPED, ...row.attributes.map(prometheusLabel)])
    return seriesOf(name, row).map(series => [series, labels] as const)
  }),
)

/** The series of a metric, by its kind. */
export function seriesOf(name: string, row: MetricRow): readonly string[] {
  const base = prometheusName(name, row)
  if (row.kind === 'gauge') return [base]
  return row.kind === 'counter' ? [`${base}_total`] : ['_bucket', '_count', '_sum'].map(suffix => base + suffix)
}

/** What an expression asks for that nobody exposes or records, and where its text is wrong. */
export function problemsOf(expr: string, recorded: ReadonlySet<string> = new Set()): readonly string[] {
  const { series, labels, wrong } = askedBy(expr)
  const unknown = series.filter(name => name !== 'up' && !recorded.has(name) && !exposed.has(name))
  // A rule keeps the labels of what it is made of.
  const has = (label: string) =>
    SCRAPED.includes(label) || series.some(name => recorded.has(name) || exposed.get(name)?.has(label))
  const strange = labels.filter(label => !has(label))
  return [...wrong, ...unknown.map(name => `no metric ${name}`), ...strange.map(label => `no label ${label}`)]
}

/** A rule that records a series, or an alert. */
export type Rule = {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: { readonly severity: string }
  readonly annotations?: { readonly summary: string; readonly mend: string }
}

/** The text of the rules that are deployed. */
export const RULES: string = await Bun.file(join(import.meta.dir, 'rules.yaml')).text()

/** The rules that are deployed. */
export function readRules(text = RULES): readonly Rule[] {
  const { groups } = parse(text) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}
