// A finding in words.
import type { Finding } from '../../definitions/detector/findings.ts'
import type { RateChange } from '../../definitions/detector/rate.ts'

const CHANGES: Readonly<Record<RateChange, string>> = {
  silence: 'has fallen silent',
  decline: 'comes about half as often as usual',
  growth: 'comes about twice as often as usual',
  burst: 'comes about four times as often as usual, or more',
}

/** Says what was found: the change, what was expected and seen, and what to do. */
export function describeFinding({ subject, change, since, expected, seen, closedAt, falseCallsInYear }: Finding): string {
  const found = `${subject} ${CHANGES[change]} since ${minuteOf(since)}: ${seen} events where ${shortNumber(expected)} were expected.`
  if (closedAt !== null) return `${found} It is as usual again since ${minuteOf(closedAt)}.`
  return `${found} By chance this is called ${shortNumber(falseCallsInYear)} times a year. Run findings, and look at what sends or handles it.`
}

export function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)}Z`
}

/** A number with up to two digits that count, or a whole one. */
export function shortNumber(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}
