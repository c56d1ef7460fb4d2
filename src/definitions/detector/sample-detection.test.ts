import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { drawCount, random } from '../../test-support/detector/random.ts'
import type { HourCount } from './hour-row.ts'
import { SampleDetection } from './sample-detection.ts'
import { HOUR_MS, THRESHOLD } from './settings.ts'

const HOURS = 400
const CHANGED_FROM = HOURS - 5

/**
 * Commands as many as ever. In the last hours many more of them are rejected, decisions are lost to other processes, and
 * each has three events.
 */
const COUNTS = buildCounts()

function buildCounts(): readonly HourCount[] {
  const next = random(6)
  return Array.from({ length: HOURS }, (_, hour) => {
    const isChanged = hour >= CHANGED_FROM
    const draw = (subject: string, perMinute: number): HourCount => ({
      ...{ subject, hour: hour * HOUR_MS, last: [], follows: {} },
      minutes: Array.from({ length: 60 }, () => drawCount(next, perMinute, 1)),
    })
    const even = (subject: string, perMinute: number): HourCount => ({
      ...{ subject, hour: hour * HOUR_MS, last: [], follows: {}, minutes: new Array<number>(60).fill(perMinute) },
    })
    return [
      even('command order.place', 4),
      draw('rejected order.place', isChanged ? 1 : 0.1),
      even('decisions order', 5),
      draw('conflicts order', isChanged ? 2 : 0.05),
      even('accepted order', 2),
      even('events order', isChanged ? 6 : 2),
    ]
  }).flat()
}

function detect(cuts: readonly number[]): SampleDetection {
  const detection = new SampleDetection(THRESHOLD)
  let from = 0
  for (const to of [...cuts.toSorted((one, other) => one - other), COUNTS.length]) {
    detection.add(COUNTS.slice(from, to))
    // The rest of the last hour may be on the next page.
    if (to > 0) detection.close(COUNTS[to - 1]!.hour)
    from = to
  }
  detection.close(HOURS * HOUR_MS)
  return detection
}

const WHOLE = detect([])

test('a detection over what nodes count finds which shares have changed, and not the rate that has not', () => {
  const found = WHOLE.findings.map(one => [one.kind, one.subject, 'change' in one && one.change, one.closedAt])
  expect(found.toSorted()).toEqual([
    ['ratio', 'conflicts order', 'surge', null],
    ['ratio', 'events order', 'rise', null],
    ['ratio', 'rejected order.place', 'surge', null],
  ])
  for (const { since, openedAt } of WHOLE.findings) {
    expect(since).toBeGreaterThanOrEqual((CHANGED_FROM - 1) * HOUR_MS)
    expect(openedAt).toBeLessThanOrEqual((CHANGED_FROM + 1) * HOUR_MS)
  }
})

test('a detection over what nodes count shows shares of all, and events for each command', () => {
  const shown = WHOLE.ratios.map(({ subject, usual, inDay }) => [subject, Math.round(usual * 100) / 100, Math.round(inDay)])
  expect(shown).toEqual([
    ['rejected order.place', 0.03, 5_760],
    ['conflicts order', 0.01, 7_200],
    ['events order', 1, 2_880],
  ])
  const events = WHOLE.findings.find(({ subject }) => subject === 'events order')
  expect(events).toMatchObject({ expected: expect.closeTo(1, 1), seen: expect.closeTo(3, 1) })
  expect(WHOLE.subjects.map(({ subject }) => subject)).toEqual(['command order.place'])
})

test('a detection over what nodes count finds the same however its hours are cut into pages', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(COUNTS.length), { maxLength: 6 }), cuts => {
      const { findings, ratios } = detect(cuts)
      expect({ findings, ratios }).toEqual({ findings: WHOLE.findings, ratios: WHOLE.ratios })
    }),
    { numRuns: 5 },
  )
})

test('a detection over what nodes count finds in an hour that is not over what it finds when it is over', () => {
  const detection = new SampleDetection(THRESHOLD)
  detection.add(COUNTS)
  const opened = WHOLE.findings.find(({ subject }) => subject === 'conflicts order')!.openedAt
  detection.close(opened - 1)
  expect(detection.findings.map(({ subject }) => subject)).not.toContain('conflicts order')
  detection.close(opened)
  expect(opened % HOUR_MS).not.toBe(0)
  const { falseCallsInYear: _, ...found } = detection.findings.find(({ subject }) => subject === 'conflicts order')!
  expect(WHOLE.findings.find(({ subject }) => subject === 'conflicts order')).toMatchObject(found)
})
