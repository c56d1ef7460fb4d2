import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { random } from '../../test-support/detector/random.ts'
import {
  closeDelayHour,
  DELAY_PARTS,
  type DelayCall,
  delayFalseCallsInYear,
  delayNoticeTimes,
  type Delays,
  type DelayWatch,
  isLearningDelay,
  peekDelayHour,
  startDelayWatch,
  usualDelay,
} from './delay.ts'
import { HOUR_MS, THRESHOLD } from './settings.ts'

const LEARNED_HOURS = 240
const USUAL_MS = 20
const PART_MS = HOUR_MS / DELAY_PARTS

/** An hour with ten delays in each part, about so many ms. */
function hourWith(next: () => number, ms: number): readonly Delays[] {
  return Array.from({ length: DELAY_PARTS }, () => ({ count: 10, logs: 10 * (Math.log(ms) + (next() - 0.5) * 0.8) }))
}

function watchHours(watch: DelayWatch, hours: number, ms: number, seed = 1) {
  const next = random(seed)
  const calls: DelayCall[] = []
  for (let hour = 0; hour < hours; hour++) {
    const step = closeDelayHour(watch, hourWith(next, ms))
    watch = step.watch
    calls.push(...step.calls)
  }
  return { watch, calls }
}

const LEARNED = watchHours(startDelayWatch(THRESHOLD, 0), LEARNED_HOURS, USUAL_MS).watch
const NOTHING = new Array<Delays>(DELAY_PARTS).fill({ count: 0, logs: 0 })

describe('delays', () => {
  test.each([
    ['twice as long', 40, 'rise'],
    ['eight times as long', 160, 'surge'],
    ['minutes long', 300_000, 'surge'],
  ] as const)('delays that are %s (%d ms) are called once, within an hour and after half an hour', (_, ms, change) => {
    const { calls } = watchHours(LEARNED, 2, ms)
    expect(calls).toMatchObject([{ change, closedAt: null }])
    const [{ since, openedAt, expected, seen }] = calls as [DelayCall]
    expect(since).toBeGreaterThanOrEqual(LEARNED.at - 2 * PART_MS)
    expect(openedAt).toBeGreaterThanOrEqual(LEARNED.at + 3 * PART_MS)
    expect(openedAt).toBeLessThanOrEqual(LEARNED.at + DELAY_PARTS * PART_MS)
    expect(expected).toBeCloseTo(USUAL_MS, -1)
    expect(Math.abs(Math.log(seen / ms))).toBeLessThan(0.5)
  })

  test('delays that stay as they were, become shorter, or do not come are not called', () => {
    expect(watchHours(LEARNED, 500, USUAL_MS, 4).calls).toEqual([])
    expect(watchHours(LEARNED, 20, 1).calls).toEqual([])
    expect(closeDelayHour(LEARNED, NOTHING).calls).toEqual([])
  })

  test('delays of one stretch alone are not called, however long they are', () => {
    const parts = hourWith(random(1), USUAL_MS).with(2, { count: 1, logs: Math.log(86_400_000) })
    expect(closeDelayHour(LEARNED, parts).calls).toEqual([])
  })

  test('delays within a call are not learned, and the call is closed once there is evidence that they are usual again', () => {
    const long = watchHours(LEARNED, 5, 500).watch
    expect(usualDelay(long)).toBe(usualDelay(LEARNED))
    const { calls, watch } = watchHours(long, 2, USUAL_MS)
    expect(calls).toMatchObject([{ change: 'surge' }])
    expect(calls[0]!.closedAt).toBeGreaterThan(long.at)
    expect(watchHours(watch, 200, USUAL_MS, 6).calls).toEqual([])
  })

  test('delays that are longer for a week are usual from then on', () => {
    const { calls, watch } = watchHours(LEARNED, 200, 500)
    expect(calls.map(({ closedAt }) => closedAt === null)).toEqual([true, false])
    expect(Math.abs(usualDelay(watch) - 500)).toBeLessThan(50)
  })

  test('delays are not called in the first week, or before there were a hundred stretches of them', () => {
    const young = watchHours(startDelayWatch(THRESHOLD, 0), 167, USUAL_MS).watch
    expect(isLearningDelay(young)).toBe(true)
    expect(watchHours(young, 1, 5_000).calls).toEqual([])
    let rare = startDelayWatch(THRESHOLD, 0)
    for (let hour = 0; hour < 300; hour++) rare = closeDelayHour(rare, hour % 4 ? NOTHING : [{ count: 1, logs: 3 }]).watch
    expect(isLearningDelay(rare)).toBe(true)
  })

  test('delays of an hour that is not over are called as they will be when it is over', () => {
    const part = fc.record({ count: fc.nat(3), ms: fc.integer({ min: 1, max: 400 }) })
    const hour = fc.array(part, { minLength: DELAY_PARTS, maxLength: DELAY_PARTS })
    fc.assert(
      fc.property(hour, fc.integer({ min: 1, max: DELAY_PARTS }), (drawn, over) => {
        const parts = drawn.map(({ count, ms }) => ({ count, logs: count * Math.log(ms) }))
        const end = LEARNED.at + over * PART_MS
        const closed = closeDelayHour(LEARNED, parts).calls.filter(call => (call.closedAt ?? call.openedAt) <= end)
        expect(peekDelayHour(LEARNED, parts.slice(0, over))).toEqual(closed)
      }),
    )
  })

  test('delays of which each stretch is like the one before take more evidence than those by chance', () => {
    let watch = startDelayWatch(THRESHOLD, 0)
    const slow = (hour: number) => hourWith(random(hour), hour % 24 < 12 ? USUAL_MS : USUAL_MS * 2)
    for (let hour = 0; hour < LEARNED_HOURS; hour++) watch = closeDelayHour(watch, slow(hour)).watch
    expect(watch.variance).toBeGreaterThan(10 * LEARNED.variance)
    expect(delayNoticeTimes(watch).rise).toBeGreaterThan(3 * delayNoticeTimes(LEARNED).rise)
    // Twelve hours of them come every day.
    expect(watchHours(watch, 12, USUAL_MS * 2).calls).toEqual([])
  })

  test('delays say more false calls a year the lower the threshold is', () => {
    const at = (threshold: number) => delayFalseCallsInYear({ ...LEARNED, threshold })
    expect(at(5)).toBeGreaterThan(at(10))
  })
})
