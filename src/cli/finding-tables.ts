// Findings, and what watches can see, as tables.
import type { DelaySight } from '../definitions/detector/delay-detection.ts'
import type { Finding } from '../definitions/detector/finding.ts'
import type { DetectorReading } from '../subscription/findings/finding-reader.ts'
import type { OrderSight } from '../definitions/detector/order.ts'
import type { SubjectSight } from '../definitions/detector/rate-findings.ts'
import type { ShapeNote } from '../definitions/detector/shape.ts'
import { describeNote } from '../subscription/findings/describe-note.ts'
import type { RatioSight } from '../definitions/detector/ratio-detection.ts'
import { describeFinding, minuteOf, shortNumber, textOfLevel, textOfShare } from '../subscription/findings/describe-finding.ts'
import { paintFor } from '../lib/paint.ts'
import { table } from './table.ts'

export function findingsTable(findings: readonly Finding[]): string {
  const { bold, yellow } = paintFor()
  const rows = findings.map(finding => {
    const { subject, since, openedAt, closedAt, examples, falseCallsInYear } = finding
    const { change, seen, expected } = describeFinding(finding)
    const until = closedAt === null ? yellow('open') : minuteOf(closedAt)
    const byChance = shortNumber(falseCallsInYear)
    return [subject, change, minuteOf(since), minuteOf(openedAt), until, seen, expected, byChance, examples.join(' ')]
  })
  const titles = ['WHAT', 'CHANGE', 'SINCE', 'FOUND', 'UNTIL', 'SEEN', 'EXPECTED', 'BY CHANCE A YEAR', 'POSITIONS']
  return table(titles.map(bold), rows)
}

/** What changed in payloads. */
export function notesTable(notes: readonly ShapeNote[]): string {
  const { bold } = paintFor()
  const rows = notes.map(note => {
    const { change, usual, seen } = describeNote(note)
    const { subject, path, since, openedAt, effect, examples } = note
    return [subject, path, change, minuteOf(since), minuteOf(openedAt), seen, usual, shortNumber(effect), examples.join(' ')]
  })
  const titles = ['NOTE ON', 'FIELD', 'CHANGE', 'SINCE', 'FOUND', 'SEEN', 'USUAL', 'EFFECT', 'POSITIONS']
  return table(titles.map(bold), rows)
}

/** After how long each change is noticed, at the mean rate. */
function sightsTable(subjects: readonly SubjectSight[]): string {
  const { bold, dim } = paintFor()
  const rows = subjects.map(({ subject, eventsInDay, unitMs, isLearning, noticeMs, falseCallsInYear }) => {
    const after = isLearning ? Object.keys(noticeMs).map(() => dim('learns')) : Object.values(noticeMs).map(lengthOf)
    return [subject, shortNumber(eventsInDay), lengthOf(unitMs), ...after, isLearning ? '' : shortNumber(falseCallsInYear)]
  })
  const titles = ['WHAT', 'A DAY', 'COUNTED BY', 'SILENCE AFTER', 'HALF AFTER', 'TWICE AFTER', 'FOUR TIMES AFTER']
  return table([...titles, 'FALSE CALLS A YEAR'].map(bold), rows)
}

/** The same of shares. */
function ratiosTable(ratios: readonly RatioSight[]): string {
  const { bold, dim } = paintFor()
  const rows = ratios.map(({ subject, usual, inDay, isLearning, noticeMs, falseCallsInYear }) => {
    const after = isLearning ? Object.keys(noticeMs).map(() => dim('learns')) : Object.values(noticeMs).map(lengthOf)
    return [subject, textOfShare(subject, usual), shortNumber(inDay), ...after, isLearning ? '' : shortNumber(falseCallsInYear)]
  })
  const titles = ['SHARE', 'USUAL', 'OF SO MANY A DAY', 'HALF AFTER', 'TWICE AFTER', 'EIGHT TIMES AFTER', 'FALSE CALLS A YEAR']
  return table(titles.map(bold), rows)
}

/** The same of delays, and of how many events wait. */
function delaysTable(delays: readonly DelaySight[]): string {
  const { bold, dim } = paintFor()
  const rows = delays.map(({ subject, usual, isLearning, noticeMs, falseCallsInYear }) => {
    const after = isLearning ? Object.keys(noticeMs).map(() => dim('learns')) : Object.values(noticeMs).map(lengthOf)
    return [subject, textOfLevel(subject, usual), ...after, isLearning ? '' : shortNumber(falseCallsInYear)]
  })
  const titles = ['DELAY OR LAG', 'USUAL', 'TWICE AFTER', 'EIGHT TIMES AFTER', 'FALSE CALLS A YEAR']
  return table(titles.map(bold), rows)
}

/** What is watched for order, and how free the order is. */
function ordersTable(orders: readonly OrderSight[]): string {
  const { bold, dim } = paintFor()
  const rows = orders.map(({ after, events, followers, unseenShare, isWatched, falseCallsInYear }) => {
    const watched = isWatched ? shortNumber(falseCallsInYear) : dim('not watched')
    return [after, String(events), String(followers), `${shortNumber(unseenShare * 100)} %`, watched]
  })
  return table(['AFTER', 'EVENTS', 'TYPES', 'UNSEEN', 'FALSE CALLS A YEAR AT MOST'].map(bold), rows)
}

/** What detectors can see, in all tables that have a row. */
export function sightTables({ subjects, ratios, delays, orders }: Sights): readonly string[] {
  return [
    ...(subjects.length ? [sightsTable(subjects)] : []),
    ...(ratios.length ? [ratiosTable(ratios)] : []),
    ...(delays.length ? [delaysTable(delays)] : []),
    ...(orders.length ? [ordersTable(orders)] : []),
  ]
}
type Sights = Pick<DetectorReading, 'subjects' | 'ratios' | 'delays' | 'orders'>

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** A length of time in its greatest unit: `3 h`. */
function lengthOf(ms: number): string {
  const [unit, length] = UNITS.find(([, length]) => ms >= length) ?? UNITS[UNITS.length - 1]!
  return `${shortNumber(Math.max(1, ms / length))} ${unit}`
}
