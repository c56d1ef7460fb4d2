// A finding in words.
import type { DelayFinding, Finding, OrderFinding, RateFinding, RatioFinding } from '../../definitions/detector/finding.ts'
import { verbCommand } from '../../lib/verb-command.ts'
import type { RateChange } from '../../definitions/detector/rate.ts'
import type { DelayChange } from '../../definitions/detector/delay.ts'
import type { RatioChange } from '../../definitions/detector/ratio.ts'
import { type LevelKind, rateKindOf, type RatioKind, wordOfSubject } from '../../definitions/detector/subjects.ts'

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

export function describeFinding(finding: Finding): FindingText {
  switch (finding.kind) {
    case 'rate':
      return describeRate(finding)
    case 'ratio':
      return describeRatio(finding)
    case 'delay':
      return describeDelay(finding)
    case 'order':
      return describeOrder(finding)
  }
}

function describeRate(finding: RateFinding): FindingText {
  const { subject, change, since, closedAt } = finding
  const [seen, expected] = [String(finding.seen), shortNumber(finding.expected)]
  const found = `${subject} ${CHANGES[change]} since ${minuteOf(since)}: ${seen} ${nounOf(subject)} where ${expected} were expected.`
  const after = closedAt === null ? adviceOn(finding) : `It is as usual again since ${minuteOf(closedAt)}.`
  return { change, seen, expected, sentence: `${found} ${after}` }
}

const RATIO_CHANGES: Readonly<Record<RatioChange, string>> = {
  fall: 'about half as many as usual',
  rise: 'about twice as many as usual',
  surge: 'about eight times as many as usual, or more',
}

function describeRatio(finding: RatioFinding): FindingText {
  const { subject, change, since, closedAt, trials } = finding
  const [seen, expected] = [textOfShare(subject, finding.seen), textOfShare(subject, finding.expected)]
  const found = `${subject}: ${RATIO_CHANGES[change]} since ${minuteOf(since)}, ${seen} where ${expected} ${isShare(subject) ? 'is' : 'are'} usual, ${isShare(subject) ? `of ${trials}` : `in ${trials} events and commands`}.`
  const after = closedAt === null ? adviceOn(finding) : `It is as usual again since ${minuteOf(closedAt)}.`
  return { change, seen, expected, sentence: `${found} ${after}` }
}

const DELAY_CHANGES: Readonly<Record<LevelKind, Readonly<Record<DelayChange, string>>>> = {
  delay: {
    rise: 'effects of events come about twice as long as usual after them',
    surge: 'effects of events come about eight times as long as usual after them, or longer',
  },
  lag: {
    rise: 'more events wait than usual, and it does not get through them',
    surge: 'many more events wait than usual, and it does not get through them',
  },
}

function describeDelay(finding: DelayFinding): FindingText {
  const { subject, change, since, closedAt } = finding
  const [seen, expected] = [textOfLevel(subject, finding.seen), textOfLevel(subject, finding.expected)]
  const what = DELAY_CHANGES[wordOfSubject(subject) as LevelKind][change]
  const found = `${subject}: ${what} since ${minuteOf(since)}, ${seen} where ${expected} ${isLag(subject) ? 'are' : 'is'} usual.`
  const advice = `By chance this is called ${shortNumber(finding.falseCallsInYear)} times a year. Run \`${verbCommand('why')}\`, and look at what it waits for.`
  const after = closedAt === null ? advice : `It is as usual again since ${minuteOf(closedAt)}.`
  return { change, seen, expected, sentence: `${found} ${after}` }
}

const isLag = (subject: string) => wordOfSubject(subject) === ('lag' satisfies LevelKind)

/** A delay, or how many events wait. */
export function textOfLevel(subject: string, value: number): string {
  return isLag(subject) ? `${shortNumber(value)} events` : textOfDelay(value)
}

function textOfDelay(ms: number): string {
  return ms < 1_000 ? `${shortNumber(ms)} ms` : `${shortNumber(ms / 1_000)} s`
}

/** A share in percent, or how many events a command has. */
export function textOfShare(subject: string, value: number): string {
  return isShare(subject) ? `${shortNumber(value * 100)} %` : `${shortNumber(value)} a command`
}

const isShare = (subject: string) => wordOfSubject(subject) !== ('events' satisfies RatioKind)

function describeOrder(finding: OrderFinding): FindingText {
  const { subject, after, since, closedAt, seen, eventsBefore } = finding
  const found = `${subject} came after ${after} for the first time at ${minuteOf(since)}: ${seen} times so far, and never in ${eventsBefore} times before.`
  const rest = closedAt === null ? adviceOn(finding) : `It came no more, or is usual, since ${minuteOf(closedAt)}.`
  return { change: `after ${after}`, seen: String(seen), expected: '0', sentence: `${found} ${rest}` }
}

function adviceOn({ kind, falseCallsInYear }: Finding): string {
  const chance = `${kind === 'order' ? 'at most ' : ''}${shortNumber(falseCallsInYear)}`
  return `By chance this is called ${chance} times a year. Run \`${verbCommand('findings')}\`, and look at what sends or handles it.`
}

function nounOf(subject: string): string {
  const kind = rateKindOf(subject)
  return kind === null ? 'events' : `${kind}s`
}

export function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)}Z`
}

/** A number with up to two digits that count, or a whole one. */
export function shortNumber(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}
