// backtest: what a detector would have found in this log, with some evidence.
import { THRESHOLD, THRESHOLD_MAX, THRESHOLD_MIN } from '../definitions/detector/settings.ts'
import { isWatchedSubject } from '../definitions/detector/subjects.ts'
import { type Backtest, backtest } from '../subscription/findings/backtest.ts'
import { minuteOf, shortNumber } from '../subscription/findings/describe-finding.ts'
import { detectorsOf } from './findings.ts'
import { findingsTable, sightTables } from './finding-tables.ts'
import { withStore } from './opened.ts'
import { sinceOf } from './since.ts'
import { type Call, Misused, numberOf, type Verb } from './verb.ts'

export const backtestVerb: Verb = {
  does: 'show what a detector would have found in this log',
  options: {
    since: { takes: 'T', does: "show what was found since a time, or so long: '90 days'" },
    threshold: { takes: 'N', does: `the evidence for a call, ${THRESHOLD_MIN} to ${THRESHOLD_MAX}; default: ${THRESHOLD}` },
  },
  json: true,
  run: runBacktest,
}

async function runBacktest({ values, json, ...call }: Call): Promise<number> {
  const since = sinceOf(values, Date.now()) ?? 0
  const threshold = numberOf(values, 'threshold', THRESHOLD_MIN) ?? THRESHOLD
  if (threshold > THRESHOLD_MAX) throw new Misused(`--threshold takes at most ${THRESHOLD_MAX}; found ${threshold}`)
  const watched = detectorsOf(call.serve)
  const counted = new Set(
    watched.flatMap(({ evolve }) =>
      [...evolve].flatMap(([category, types]) => [...types.keys()].map(type => `${category}.${type}`)),
    ),
  )
  const isCounted = (subject: string) => counted.size === 0 || counted.has(subject)
  const isSampled = (subject: string) =>
    watched.length === 0 || watched.some(({ families }) => isWatchedSubject(families, subject))
  const tested = await withStore(call, store => backtest(store, { threshold, isCounted, isSampled, now: Date.now }))
  const found = { ...tested, findings: tested.findings.filter(({ openedAt }) => openedAt >= since) }
  console.log(json ? JSON.stringify({ threshold, ...found }) : textOfBacktest(found, threshold, since))
  return 0
}

function textOfBacktest({ from, until, findings, ...sights }: Backtest, threshold: number, since: number): string {
  const { subjects, ratios, delays, orders } = sights
  if (subjects.length + ratios.length + delays.length === 0) return 'the log has no events that are counted'
  const begin = Math.max(from, since)
  const expected = [...subjects, ...ratios, ...delays].reduce(
    (sum, { falseCallsInYear, isLearning }) => sum + (isLearning ? 0 : falseCallsInYear),
    0,
  )
  const ofOrder = orders.reduce((sum, { falseCallsInYear }) => sum + falseCallsInYear, 0)
  const said = `With a threshold of ${threshold} you would have been called ${findings.length} times from ${minuteOf(begin)} to ${minuteOf(until)}.`
  const chance = `By chance it is about ${shortNumber(expected)} times a year for rates, shares and delays, and at most ${shortNumber(ofOrder)} for order.`
  return [`${said} ${chance}`, ...(findings.length ? [findingsTable(findings)] : []), ...sightTables(sights)].join('\n\n')
}
