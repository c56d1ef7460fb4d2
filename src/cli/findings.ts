// findings: which events come more or less often than usual, or in a new order. It may run beside a server.
import { type DetectorSpec, isDetector } from '../definitions/detector/detector.ts'
import { definitionOf, type Served } from '../definitions/definition.ts'
import { type DetectorReading, FindingReader } from '../subscription/findings/finding-reader.ts'
import { minuteOf } from '../subscription/findings/describe-finding.ts'
import { findingsTable, notesTable, sightTables } from './finding-tables.ts'
import { withStore } from './opened.ts'
import { sinceOf } from './since.ts'
import type { Call, Verb } from './verb.ts'

/** Closed findings are shown for 30 days. */
const SHOWN_MS = 30 * 86_400_000

export const findingsVerb: Verb = {
  does: 'show what comes more or less often than usual, or in a new order, and what each detector can see',
  options: {
    since: { takes: 'T', does: "also what is as usual again, since a time, or so long: '2 hours'" },
  },
  json: true,
  run: findings,
}

async function findings({ values, json, ...call }: Call): Promise<number> {
  const now = Date.now()
  const since = sinceOf(values, now) ?? now - SHOWN_MS
  const detectors = detectorsOf(call.serve)
  const readings = await withStore(call, store =>
    Promise.all(detectors.map(spec => new FindingReader(store, spec, Date.now).read())),
  )
  const recent = readings.map(reading => ({
    ...reading,
    findings: reading.findings.filter(({ closedAt }) => closedAt === null || closedAt >= since),
    notes: reading.notes.filter(({ openedAt }) => openedAt >= since),
  }))
  if (json) console.log(JSON.stringify(recent))
  else console.log(recent.map(textOfReading).join('\n\n') || 'no detector is served; backtest says what one would find')
  return 0
}

/** The detectors among what is served. */
export function detectorsOf(serve: readonly Served[]): readonly DetectorSpec[] {
  return serve.map(definitionOf).filter(isDetector)
}

function textOfReading({ detector, until, findings, notes, unwatched, ...sights }: DetectorReading): string {
  if (until === 0) return `${detector} has not counted anything yet`
  const found = findings.length ? findingsTable(findings) : 'Everything comes as usual.'
  const left = unwatched.map(({ subject, fields }) => `${subject} has ${fields} fields more than are watched.`)
  const tables = [...(notes.length ? [notesTable(notes)] : []), ...sightTables(sights), ...left]
  return [`${detector}, until ${minuteOf(until)}`, found, ...tables].join('\n\n')
}
