// What is found of the rates of types. It is a fold of the counted hours of each type, and so the same whenever it is asked.
import { noteFinding, type RateFinding } from './finding.ts'
import { EXAMPLES, type HourCount } from './hour-row.ts'
import type { RateCall } from './rate.ts'
import { HOUR_MS, MINUTE_MS } from './settings.ts'
import { closeHour, MINUTES, peekHour, type Sight, sightOf, startTypeWatch, type TypeWatch } from './type-watch.ts'

/** What is known of a type: its watch, what was found, and the positions of its last events. */
export type SubjectState = {
  readonly subject: string
  readonly watch: TypeWatch
  readonly findings: readonly RateFinding[]
  readonly last: readonly number[]
}

/** What can be seen of a type: how often it comes, and what its watch notices. */
export type SubjectSight = Sight & { readonly subject: string }

export function startSubject(subject: string, threshold: number, hour: number): SubjectState {
  return { subject, watch: startTypeWatch(threshold, hour), findings: [], last: [] }
}

/** Closes all hours that end at `until` or before. `counts`: the hours in which there were events, in their order. */
export function closeHours(state: SubjectState, counts: readonly HourCount[], until: number): SubjectState {
  let closed = state
  let next = 0
  for (let hour = state.watch.hours.at; hour + HOUR_MS <= until; hour += HOUR_MS) {
    while (next < counts.length && counts[next]!.hour < hour) next++
    const count = counts[next]?.hour === hour ? counts[next]! : null
    closed = closeOne(closed, count)
  }
  return closed
}

function closeOne({ subject, watch, findings, last }: SubjectState, count: HourCount | null): SubjectState {
  const step = closeHour(watch, count?.minutes ?? NOTHING)
  const examples = [...last, ...(count?.last ?? [])].slice(-EXAMPLES)
  // What a watch can see is computed only for a call: it reads the whole history.
  const toFound = step.calls.length > 0 ? toFinding(subject, examples, step.watch) : null
  const found = toFound ? step.calls.map(toFound).reduce(noteFinding<RateFinding>, findings) : findings
  return { subject, watch: step.watch, findings: found, last: examples }
}
const NOTHING: readonly number[] = new Array<number>(MINUTES).fill(0)

const toFinding = (subject: string, examples: readonly number[], watch: TypeWatch) => {
  const { falseCallsInYear } = sightOf(watch)
  return (call: RateCall): RateFinding => ({ kind: 'rate', ...call, subject, examples, falseCallsInYear })
}

/** All findings, with those of an hour that is over only up to `until`. `count`: what was counted in that hour. */
export function rateFindingsAt(state: SubjectState, count: HourCount | null, until: number): readonly RateFinding[] {
  const { subject, watch, findings, last } = state
  const minutes = (count?.minutes ?? NOTHING).slice(0, Math.max(0, Math.floor((until - watch.hours.at) / MINUTE_MS)))
  const examples = [...last, ...(count?.last ?? [])].slice(-EXAMPLES)
  return peekHour(watch, minutes)
    .map(toFinding(subject, examples, watch))
    .reduce(noteFinding<RateFinding>, findings)
}

export function subjectSight({ subject, watch }: SubjectState): SubjectSight {
  return { subject, ...sightOf(watch) }
}
