import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { drawCount, random } from '../../test-support/detector/random.ts'
import { Detection } from './detection.ts'
import type { HourCount } from './hour-row.ts'
import { HOUR_MS, THRESHOLD } from './settings.ts'
import { MINUTES } from './type-watch.ts'

const WEEKS = 6
const HOURS = 168 * WEEKS
const SILENT_FROM = HOURS - 20
/** After this hour a type begins streams that no stream began with before. */
const FIRST_AT = 500

/** Two types, of which one falls silent and the other is rare. */
const COUNTS = buildCounts()

function buildCounts(): readonly HourCount[] {
  const next = random(4)
  const followsOf = (events: number, hour: number) => ({ '': { events, minute: 7, first: [hour] } })
  const row = (subject: string, hour: number, events: number): HourCount => ({
    ...{ subject, hour: hour * HOUR_MS, last: [hour * 10, hour * 10 + 1], follows: events ? followsOf(events, hour) : {} },
    minutes: Array.from({ length: MINUTES }, (_, minute) => (minute === 7 ? events : 0)),
  })
  return Array.from({ length: HOURS }, (_, hour) => [
    ...(hour < SILENT_FROM ? [row('order.Placed', hour, drawCount(next, 20, 1))] : []),
    ...(hour % 30 === 0 ? [row('order.Refunded', hour, 1)] : []),
    ...(hour > FIRST_AT && hour < FIRST_AT + 9 ? [row('order.Wrong', hour, 1)] : []),
  ]).flat()
}

function detect(cuts: readonly number[]): Detection {
  const detection = new Detection(THRESHOLD)
  let from = 0
  for (const to of [...cuts.toSorted((one, other) => one - other), COUNTS.length]) {
    detection.add(COUNTS.slice(from, to))
    if (to > 0) detection.close(COUNTS[to - 1]!.hour)
    from = to
  }
  detection.close(HOURS * HOUR_MS)
  return detection
}

const WHOLE = detect([])

const [ORDER, RATE] = WHOLE.findings

test('a detection finds the type that begins streams for the first time, and what it knows of the order', () => {
  expect(ORDER).toMatchObject({ kind: 'order', subject: 'order.Wrong', after: 'order begin', seen: 8 })
  expect(ORDER!.closedAt).toBe((FIRST_AT + 9) * HOUR_MS + 24 * HOUR_MS)
  expect(WHOLE.orders).toMatchObject([{ after: 'order begin', followers: 3, isWatched: true }])
})

test('a detection finds the type that falls silent, with its last events, and says what it can see', () => {
  expect(WHOLE.findings.slice(1)).toMatchObject([
    { subject: 'order.Placed', change: 'silence', seen: 0, closedAt: null, since: SILENT_FROM * HOUR_MS },
  ])
  expect(RATE!.openedAt).toBe((SILENT_FROM + 1) * HOUR_MS)
  expect(RATE!.examples).toEqual([SILENT_FROM - 2, SILENT_FROM - 1].flatMap(h => [h * 10, h * 10 + 1]).slice(1))
  expect(WHOLE.sights.map(({ subject, eventsInDay }) => [subject, Math.round(eventsInDay * 10) / 10])).toEqual([
    ['order.Placed', expect.closeTo(480, -2)],
    ['order.Refunded', 0.8],
    ['order.Wrong', 0.4],
  ])
})

test('a detection finds the same however its hours are cut into pages', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(COUNTS.length), { maxLength: 6 }), cuts => {
      const { findings, sights, orders } = detect(cuts)
      expect({ findings, sights, orders }).toEqual({ findings: WHOLE.findings, sights: WHOLE.sights, orders: WHOLE.orders })
    }),
    { numRuns: 5 },
  )
})

test('a detection that takes the open hour again finds what it would have found at once', () => {
  const detection = new Detection(THRESHOLD)
  detection.add(COUNTS.filter(({ hour }) => hour < 500 * HOUR_MS))
  detection.close(500 * HOUR_MS - 1)
  detection.forgetOpenHours()
  detection.add(COUNTS.filter(({ hour }) => hour >= detection.hour))
  detection.close(HOURS * HOUR_MS)
  expect(detection.findings).toEqual(WHOLE.findings)
})
