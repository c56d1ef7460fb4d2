import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { random } from '../../test-support/detector/random.ts'
import {
  closeRatioHour,
  isLearningRatio,
  peekRatioHour,
  RATIO_PARTS,
  type RatioCall,
  ratioFalseCallsInYear,
  ratioNoticeTimes,
  type RatioWatch,
  startRatioWatch,
  type Trials,
  usualShare,
} from './ratio.ts'
import { HOUR_MS, THRESHOLD } from './settings.ts'

const LEARNED_HOURS = 400
const AN_HOUR = 60

/** An hour with 60 trials, of which about a share is hits. */
function hourWith(next: () => number, share: number): readonly Trials[] {
  return Array.from({ length: RATIO_PARTS }, () => {
    const trials = AN_HOUR / RATIO_PARTS
    return { trials, hits: Array.from({ length: trials }, next).filter(one => one < share).length }
  })
}

function watchHours(watch: RatioWatch, hours: number, share: number, seed = 1) {
  const next = random(seed)
  const calls: RatioCall[] = []
  for (let hour = 0; hour < hours; hour++) {
    const step = closeRatioHour(watch, hourWith(next, share))
    watch = step.watch
    calls.push(...step.calls)
  }
  return { watch, calls }
}

const LEARNED = watchHours(startRatioWatch(THRESHOLD, 0), LEARNED_HOURS, 0.05).watch

describe('a share', () => {
  test.each([
    ['half as many are hits', 0.025, 'fall', 40],
    ['twice as many are hits', 0.1, 'rise', 8],
    ['half of all are hits', 0.5, 'surge', 1],
    ['all are hits', 1, 'surge', 1],
  ] as const)('a share is called once where %s (%d)', (_, share, change, withinHours) => {
    const { calls } = watchHours(LEARNED, withinHours, share, 5)
    expect(calls.filter(({ closedAt }) => closedAt === null)).toMatchObject([{ change }])
    const [call] = calls
    expect(call!.expected).toBeCloseTo(0.05, 2)
    expect(Math.abs(call!.seen - share)).toBeLessThan(share * 0.5)
    expect(call!.since).toBeGreaterThanOrEqual((LEARNED_HOURS - 24) * HOUR_MS)
  })

  test('a share that stays as it was is not called, whatever the number of trials', () => {
    expect(watchHours(LEARNED, 500, 0.05, 9).calls).toEqual([])
    const many = hourWith(random(2), 0.05).map(({ hits, trials }) => ({ hits: hits * 4, trials: trials * 4 }))
    expect(closeRatioHour(LEARNED, many).calls).toEqual([])
    expect(closeRatioHour(LEARNED, new Array<Trials>(RATIO_PARTS).fill({ hits: 0, trials: 0 })).calls).toEqual([])
  })

  test('a share is called for hits that have never come', () => {
    const { watch } = watchHours(startRatioWatch(THRESHOLD, 0), LEARNED_HOURS, 0)
    const [call] = watchHours(watch, 1, 0.5).calls
    expect(call).toMatchObject({ change: 'surge', closedAt: null })
    expect(call!.expected).toBeLessThan(0.001)
  })

  test('a share within a call is not learned, and the call is closed once there is evidence that it is usual again', () => {
    const surging = watchHours(LEARNED, 3, 0.6).watch
    expect(usualShare(surging)).toBe(usualShare(LEARNED))
    const { calls, watch } = watchHours(surging, 4, 0.05)
    expect(calls).toMatchObject([{ change: 'surge' }])
    expect(calls[0]!.closedAt).toBeGreaterThan(surging.at)
    expect(watch.open).toBeNull()
    expect(watchHours(watch, 200, 0.05, 4).calls).toEqual([])
  })

  test('a share that has changed for a week is the usual one from then on', () => {
    const { calls, watch } = watchHours(LEARNED, 200, 0.6)
    expect(calls.map(({ closedAt }) => closedAt === null)).toEqual([true, false])
    expect(usualShare(watch)).toBeCloseTo(0.6, 1)
    expect(watchHours(watch, 1, 0.05).calls).toMatchObject([{ change: 'fall' }])
  })

  test('a share is not called in its first week, or of fewer than 100 trials', () => {
    const young = watchHours(startRatioWatch(THRESHOLD, 0), 167, 0.05).watch
    expect(isLearningRatio(young)).toBe(true)
    expect(watchHours(young, 1, 1).calls).toEqual([])
    let rare = startRatioWatch(THRESHOLD, 0)
    for (let hour = 0; hour < 300; hour++) rare = closeRatioHour(rare, [{ hits: 0, trials: hour % 4 === 0 ? 1 : 0 }]).watch
    expect(isLearningRatio(rare)).toBe(true)
  })

  test('a share of an hour that is not over is called as it will be when it is over', () => {
    const part = fc.record({ trials: fc.nat(20), hits: fc.nat(20) }).map(({ trials, hits }) => ({ trials: trials + hits, hits }))
    const hour = fc.array(part, { minLength: RATIO_PARTS, maxLength: RATIO_PARTS })
    fc.assert(
      fc.property(hour, fc.integer({ min: 1, max: RATIO_PARTS }), (parts, over) => {
        const end = LEARNED.at + (over / RATIO_PARTS) * HOUR_MS
        const closed = closeRatioHour(LEARNED, parts).calls.filter(call => (call.closedAt ?? call.openedAt) <= end)
        expect(peekRatioHour(LEARNED, parts.slice(0, over))).toEqual(closed)
      }),
    )
  })

  test('a share that varies from hour to hour takes more evidence', () => {
    const next = random(8)
    let watch = startRatioWatch(THRESHOLD, 0)
    for (let hour = 0; hour < LEARNED_HOURS; hour++)
      watch = closeRatioHour(watch, hourWith(next, hour % 3 === 0 ? 0.3 : 0.02)).watch
    expect(watch.dispersion).toBeGreaterThan(3)
    expect(ratioNoticeTimes(watch).surge).toBeGreaterThan(ratioNoticeTimes({ ...watch, dispersion: 1 }).surge * 3)
  })

  test('a share that is known from few trials takes more evidence than one from many', () => {
    const few = { ...LEARNED, past: { hits: 5, trials: 100 } }
    const many = { ...LEARNED, past: { hits: 5_000, trials: 100_000 } }
    // Twelve of 80, where four are usual.
    const parts = Array.from({ length: 4 }, () => ({ hits: 3, trials: 20 }))
    const heightOf = (watch: RatioWatch) => Math.max(...closeRatioHour(watch, parts).watch.sums.map(({ height }) => height))
    expect(heightOf(few)).toBeLessThan(heightOf(many) * 0.8)
  })

  test('a share says after how long it notices which change', () => {
    const hours = Object.entries(ratioNoticeTimes(LEARNED)).map(([change, ms]) => [change, Math.round((ms / HOUR_MS) * 10) / 10])
    // Per trial: 0.0072, 0.0171 and 0.3154 of evidence, of which 10 are needed.
    expect(Object.fromEntries(hours)).toEqual({ fall: expect.closeTo(23, -1), rise: expect.closeTo(10, -0.5), surge: 0.5 })
  })

  test('a share says more false calls a year the lower its threshold is', () => {
    const at = (threshold: number) => ratioFalseCallsInYear({ ...LEARNED, threshold })
    expect(at(5)).toBeGreaterThan(at(10))
  })
})
