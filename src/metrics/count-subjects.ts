// Counts what detectors watch besides events, from the registry: a sum for each subject, since the process began.
import { sampleSubject } from '../definitions/detector/subjects.ts'
import type { MetricName } from '../ports/metrics/table.ts'
import { Buckets, type Metrics } from './registry.ts'

/** How many codes of a decider are counted one by one. A code may be made of data: the others are counted as `other`. */
export const CODES_MAX = 50
const CODE_LENGTH_MAX = 100

/** Makes a function that counts the commands and rejections of these deciders. */
export function subjectCounter(metrics: Metrics, deciders: ReadonlySet<string>): () => ReadonlyMap<string, number> {
  const codes = new Map<string, Set<string>>()
  return () => {
    const totals = new Map<string, number>()
    const add = (subject: string, more: number) => totals.set(subject, (totals.get(subject) ?? 0) + more)
    for (const [[command = ''], count] of countsOf(metrics, 'emaki.command.duration'))
      if (deciders.has(deciderOf(command))) add(sampleSubject('command', command), count)
    for (const [[command = '', code = ''], count] of countsOf(metrics, 'emaki.command.rejections')) {
      const decider = deciderOf(command)
      if (!deciders.has(decider)) continue
      const known = codes.get(decider) ?? new Set()
      codes.set(decider, known)
      if (known.size < CODES_MAX) known.add(code)
      add(sampleSubject('rejection', `${decider}.${known.has(code) ? storableCode(code) : 'other'}`), count)
    }
    return totals
  }
}

/** How much each series of a metric has counted. */
function* countsOf(metrics: Metrics, name: MetricName): Generator<readonly [values: readonly string[], count: number]> {
  for (const { values, counted } of metrics.kept(name))
    yield [values, counted instanceof Buckets ? counted.counts.reduce((sum, count) => sum + count, 0) : counted.value]
}

const deciderOf = (command: string) => command.split('.', 1)[0]!

/** A code as every database can store it. */
function storableCode(code: string): string {
  return code.slice(0, CODE_LENGTH_MAX).toWellFormed().replaceAll('\0', '\ufffd')
}
