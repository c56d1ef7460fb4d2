// Counts what detectors watch besides events, from the registry: a sum for each subject, since the process began.
import { type SampleKind, sampleSubject } from '../definitions/detector/subjects.ts'
import type { MetricName } from '../ports/metrics/table.ts'
import { Buckets, type Metrics } from './registry.ts'

/** How many codes of a decider are counted one by one. A code may be made of data: the others are counted as `other`. */
export const CODES_MAX = 50
const CODE_LENGTH_MAX = 100

/** Makes a function that counts the commands of these deciders, and what became of them. */
export function subjectCounter(metrics: Metrics, deciders: ReadonlySet<string>): () => ReadonlyMap<string, number> {
  const codes = new CodeNames()
  return () => {
    const totals = new Map<string, number>()
    const add = (kind: SampleKind, name: string, more: number) => {
      const subject = sampleSubject(kind, name)
      if (deciders.has(deciderOf(name)) && more > 0) totals.set(subject, (totals.get(subject) ?? 0) + more)
    }
    for (const { name, outcome, count } of countsOf(metrics, 'emaki.command.duration')) {
      add('command', name, count)
      if (outcome === 'accepted') add('accepted', deciderOf(name), count)
      if (outcome === 'conflict') add('conflicts', deciderOf(name), count)
    }
    for (const { name, outcome, count } of countsOf(metrics, 'emaki.command.rejections')) {
      add('rejection', `${deciderOf(name)}.${codes.nameOf(deciderOf(name), outcome)}`, count)
      add('rejected', name, count)
    }
    // Each attempt is a decision. All but the last of a command were lost to another process.
    for (const { name, count, sum } of countsOf(metrics, 'emaki.command.attempts')) {
      add('decisions', name, sum)
      add('conflicts', name, sum - count)
    }
    for (const { name, count } of countsOf(metrics, 'emaki.events.appended')) add('events', deciderOf(name), count)
    return totals
  }
}

type Counted = {
  /** The values of the first two attributes of a series. */
  readonly name: string
  readonly outcome: string
  /** How often something was recorded, and the sum of what was. */
  readonly count: number
  readonly sum: number
}

function* countsOf(metrics: Metrics, metric: MetricName): Generator<Counted> {
  for (const { values, counted } of metrics.kept(metric)) {
    const [name = '', outcome = ''] = values
    const count = counted instanceof Buckets ? counted.counts.reduce((sum, one) => sum + one, 0) : counted.value
    yield { name, outcome, count, sum: counted instanceof Buckets ? counted.sum : count }
  }
}

const deciderOf = (name: string) => name.split('.', 1)[0]!

/** Names the codes of each decider, as every database can store them. */
class CodeNames {
  readonly #known = new Map<string, Set<string>>()

  nameOf(decider: string, code: string): string {
    const known = this.#known.get(decider) ?? new Set()
    this.#known.set(decider, known)
    if (known.size < CODES_MAX) known.add(code)
    return known.has(code) ? code.slice(0, CODE_LENGTH_MAX).toWellFormed().replaceAll('\0', '\ufffd') : 'other'
  }
}
