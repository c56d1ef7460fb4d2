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

/** Two types, of which one falls silent and the other is rare. */
const COUNTS = buildCounts()

function buildCounts(): readonly HourCount[] {
  const next = random(4)
  const row = (subject: string, hour: number, events: number): HourCount => ({
    ...{ subject, hour: hour * HOUR_MS, last: [hour * 10, hour * 10 + 1] },
    minutes: Array.from({ length: MINUTES }, (_, minute) => (minute === 7 ? events : 0)),
  })
  return Array.from({ length: HOURS }, (_, hour) => [
    ...(hour < SILENT_FROM ? [row('order.Placed', hour, drawCount(next, 20, 1))] : []),
    ...(hour % 30 === 0 ? [row('order.Refunded', hour, 1)] : []),
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

test('a detection finds the type that falls silent, with its last events, and says what it can see', () => {
  expect(WHOLE.findings).toMatchObject([
    { subject: 'order.Placed', change: 'silence', seen: 0, closedAt: null, since: SILENT_FROM * HOUR_MS },
  ])
  expect(WHOLE.findings[0]!.openedAt).toBe((SILENT_FROM + 1) * HOUR_MS)
  expect(WHOLE.findings[0]!.examples).toEqual([SILENT_FROM - 2, SILENT_FROM - 1].flatMap(h => [h * 10, h * 10 + 1]).slice(1))
  expect(WHOLE.sights.map(({ subject, eventsInDay }) => [subject, Math.round(eventsInDay * 10) / 10])).toEqual([
    ['order.Placed', expect.closeTo(480, -2)],
    ['order.Refunded', 0.8],
  ])
})

test('a detection finds the same however its hours are cut into pages', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(COUNTS.length), { maxLength: 6 }), cuts => {
      const { findings, sights } = detect(cuts)
      expect({ findings, sights }).toEqual({ findings: WHOLE.findings, sights: WHOLE.sights })
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
