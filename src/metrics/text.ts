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

/** How long a scrape holds the event loop at a time, in ms, so that with the last series it is less than 2: nobody waits for it as for a command. */
const SLICE_MS = 1.5

/** Writes what was read. It lets the event loop turn between series. */
export async function writeText(readings: readonly MetricReading[], format: TextFormat): Promise<string> {
  const isOpen = format === 'openmetrics'
  const turn = new Turn(SLICE_MS)
  let text = ''
  for (const { name, row, series } of readings) {
    const base = prometheusName(name, row)
    const sample = row.kind === 'counter' ? `${base}_total` : base
    const write = seriesWriter(sample, row, isOpen)
    text += headOf(isOpen ? base : sample, row, isOpen)
    for (const one of series) {
      if (turn.isOver) await turn.next()
      text += write(one)
    }
  }
  await nextTurn()
  return text + (isOpen ? '# EOF\n' : '')
}

function headOf(family: string, row: MetricRow, isOpen: boolean): string {
  const unit = unitSuffix(row.unit)
  return (
    `# HELP ${family} ${escapeHelp(row.help)}\n# TYPE ${family} ${row.kind}\n` +
    (isOpen && unit ? `# UNIT ${family} ${unit}\n` : '')
  )
}

/** What all series of a metric have in common is made once: a scrape writes thousands of lines. */
function seriesWriter(sample: string, row: MetricRow, isOpen: boolean): (series: Series) => string {
  const names = row.attributes.map(name => `${prometheusLabel(name)}="`)
  const ends = [...(row.bounds ?? []).map(boundOf), '+Inf'].map(bound => `le="${bound}"} `)
  return ({ values, counted }) => {
    let labels = ''
    for (let i = 0; i < names.length; i++) labels += `${i ? ',' : ''}${names[i]}${escapeValue(values[i]!)}"`
    const braced = labels && `{${labels}}`
    if (typeof counted === 'number') return `${sample}${braced} ${numberOf(counted)}\n`
    const start = `${sample}_bucket{${labels && `${labels},`}`
    let sum = 0
    let lines = ''
    for (let i = 0; i < ends.length; i++) {
      sum += counted.counts[i]!
      lines += `${start}${ends[i]}${sum}${isOpen ? exampleOf(counted.exemplars[i]) : ''}\n`
    }
    return `${lines}${sample}_sum${braced} ${numberOf(counted.sum)}\n${sample}_count${braced} ${sum}\n`
  }
}

function exampleOf(exemplar: Exemplar | undefined): string {
  return exemplar ? ` # {trace_id="${exemplar.traceId}"} ${numberOf(exemplar.value)} ${exemplar.at / 1_000}` : ''
}

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
