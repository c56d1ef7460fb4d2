// A finding in words.
import type { Finding, RateFinding } from '../../definitions/detector/finding.ts'
import type { RateChange } from '../../definitions/detector/rate.ts'
import { kindOfSubject } from '../../definitions/detector/subjects.ts'

const CHANGES: Readonly<Record<RateChange, string>> = {
  silence: 'has fallen silent',
  decline: 'comes about half as often as usual',
  growth: 'comes about twice as often as usual',
  burst: 'comes about four times as often as usual, or more',
}

/** A finding in words: the change, what was seen, what was expected, and a sentence that says also what to do. */
export type FindingText = {
  readonly change: string
  readonly seen: string
  readonly expected: string
  readonly sentence: string
}

const TEXTS: { readonly [K in Finding['kind']]: (finding: Extract<Finding, { readonly kind: K }>) => FindingText } = {
  rate: describeRate,
}

export function describeFinding(finding: Finding): FindingText {
  return TEXTS[finding.kind](finding)
}

function describeRate(finding: RateFinding): FindingText {
  const { subject, change, since, closedAt } = finding
  const [seen, expected] = [String(finding.seen), shortNumber(finding.expected)]
  const found = `${subject} ${CHANGES[change]} since ${minuteOf(since)}: ${seen} ${nounOf(subject)} where ${expected} were expected.`
  const after = closedAt === null ? adviceOn(finding) : `It is as usual again since ${minuteOf(closedAt)}.`
  return { change, seen, expected, sentence: `${found} ${after}` }
}

function adviceOn({ falseCallsInYear }: Finding): string {
  return `By chance this is called ${shortNumber(falseCallsInYear)} times a year. Run findings, and look at what sends or handles it.`
}

function nounOf(subject: string): string {
  const kind = kindOfSubject(subject)
  return kind === null ? 'events' : `${kind}s`
}

export function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)}Z`
}

/** A number with up to two digits that count, or a whole one. */
export function shortNumber(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}
