// The two texts that Prometheus reads: OpenMetrics 1.0, which has examples of traces, and the classic text format 0.0.4.
import { prometheusLabel, prometheusName, unitSuffix } from '../definitions/measure/metric-name.ts'
import { nextTurn, Turn } from '../lib/turns.ts'
import type { Exemplar, MetricReading, Series } from '../ports/metrics/reading.ts'
import type { MetricRow } from '../ports/metrics/row.ts'

export type TextFormat = 'openmetrics' | 'classic'

export const TEXT_TYPES: Readonly<Record<TextFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  classic: 'text/plain; version=0.0.4; charset=utf-8',
}

/** How long a scrape holds the event loop at a time, in ms: nobody waits for it as for a command. */
const SLICE_MS = 2

/** Writes what was read. It lets the event loop turn between series. */
export async function writeText(readings: readonly MetricReading[], format: TextFormat): Promise<string> {
  const isOpen = format === 'openmetrics'
  const turn = new Turn(SLICE_MS)
  const parts: string[] = []
  for (const { name, row, series } of readings) {
    const base = prometheusName(name, row)
    const sample = row.kind === 'counter' ? `${base}_total` : base
    const labels = row.attributes.map(prometheusLabel)
    parts.push(headOf(isOpen ? base : sample, row, isOpen))
    for (const one of series) {
      if (turn.isOver) await turn.next()
      parts.push(writeSeries(sample, labels, row, one, isOpen))
    }
  }
  await nextTurn()
  return parts.join('') + (isOpen ? '# EOF\n' : '')
}

function headOf(family: string, row: MetricRow, isOpen: boolean): string {
  const unit = unitSuffix(row.unit)
  return (
    `# HELP ${family} ${escapeHelp(row.help)}\n# TYPE ${family} ${row.kind}\n` +
    (isOpen && unit ? `# UNIT ${family} ${unit}\n` : '')
  )
}

function writeSeries(
  sample: string,
  names: readonly string[],
  row: MetricRow,
  { values, counted }: Series,
  isOpen: boolean,
): string {
  const labels = names.map((name, i) => `${name}="${escapeValue(values[i]!)}"`)
  if (typeof counted === 'number') return `${sample}${braced(labels)} ${numberOf(counted)}\n`
  const bounds = row.bounds ?? []
  let sum = 0
  const buckets = counted.counts.map((count, i) => {
    sum += count
    const le = i < bounds.length ? boundOf(bounds[i]!) : '+Inf'
    const example = isOpen ? exampleOf(counted.exemplars[i]) : ''
    return `${sample}_bucket${braced([...labels, `le="${le}"`])} ${sum}${example}\n`
  })
  return `${buckets.join('')}${sample}_sum${braced(labels)} ${numberOf(counted.sum)}\n${sample}_count${braced(labels)} ${sum}\n`
}

function exampleOf(exemplar: Exemplar | undefined): string {
  return exemplar ? ` # {trace_id="${exemplar.traceId}"} ${numberOf(exemplar.value)} ${exemplar.at / 1_000}` : ''
}

const braced = (labels: readonly string[]): string => (labels.length ? `{${labels.join(',')}}` : '')

/** OpenMetrics wants bounds that are written alike everywhere: `1.0`. */
function boundOf(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

function numberOf(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
