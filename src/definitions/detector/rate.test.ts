import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { drawCount, random } from '../../test-support/detector/random.ts'
import { closeUnit, falseCallsInYear, noticeTimes, peekUnit, type RateCall, type RateWatch, startRateWatch } from './rate.ts'
import { DAY_MS, daySettings, HOUR_MS, hourSettings, THRESHOLD } from './settings.ts'

const LEARNED_DAYS = 56
const MEAN = 20

/** A watch by days, and those days with about 20 events each. */
function learn(days: number = LEARNED_DAYS, seed = 1): RateWatch {
  const next = random(seed)
  return watchAll(
    startRateWatch(daySettings(THRESHOLD), 0),
    Array.from({ length: days }, () => drawCount(next, MEAN, 1)),
  ).watch
}

function watchAll(
  watch: RateWatch,
  counts: readonly number[],
): { readonly watch: RateWatch; readonly calls: readonly RateCall[] } {
  const calls: RateCall[] = []
  for (const count of counts) {
    const step = closeUnit(watch, [count], true)
    watch = step.watch
    calls.push(...step.calls)
  }
  return { watch, calls }
}

const repeat = (count: number, days: number) => new Array<number>(days).fill(count)
const LEARNED = learn()

describe('the rate', () => {
  test.each([
    ['nothing comes', 0, 'silence', 1],
    ['half as much comes', 10, 'decline', 4],
    ['twice as much comes', 40, 'growth', 3],
    ['four times as much comes', 80, 'burst', 1],
  ] as const)('the rate of days on which %s is called (%d events)', (_, count, change, withinDays) => {
    const { calls } = watchAll(LEARNED, repeat(count, withinDays))
    expect(calls).toHaveLength(1)
    const [call] = calls
    expect(call).toMatchObject({ change, closedAt: null })
    // The evidence may have begun to grow with the last usual day.
    expect([LEARNED_DAYS - 1, LEARNED_DAYS]).toContain(call!.since / DAY_MS)
    expect(call!.expected / calledDays(call!)).toBeCloseTo(MEAN, -1)
  })

  test('the rate that stays as it was is not called', () => {
    const next = random(7)
    expect(
      watchAll(
        LEARNED,
        Array.from({ length: 100 }, () => drawCount(next, MEAN, 1)),
      ).calls,
    ).toEqual([])
  })

  test('the rate within a call is not learned, and the call is closed after four days as before', () => {
    const silent = watchAll(LEARNED, repeat(0, 5)).watch
    expect(silent.counts.slice(-5).every(count => count > 10)).toBe(true)
    const { calls, watch } = watchAll(silent, repeat(MEAN, 4))
    expect(calls).toMatchObject([{ change: 'silence', seen: 0, closedAt: (LEARNED_DAYS + 9) * DAY_MS }])
    expect(watch.open).toBeNull()
    expect(watchAll(watch, repeat(MEAN, 30)).calls).toEqual([])
  })

  test('the rate that turns within a call closes that call and opens another', () => {
    const turned = watchAll(LEARNED, [0, 0, 0, MEAN * 5]).calls
    expect(turned.map(({ change, closedAt }) => [change, closedAt])).toEqual([
      ['silence', null],
      ['silence', (LEARNED_DAYS + 4) * DAY_MS],
      ['burst', null],
    ])
  })

  test('the rate that stays silent stays called, also where nothing is near to what is expected', () => {
    const next = random(2)
    const rare = watchAll(
      startRateWatch(daySettings(THRESHOLD), 0),
      Array.from({ length: 60 }, () => drawCount(next, 3, 1)),
    ).watch
    expect(watchAll(rare, repeat(0, 12)).calls).toMatchObject([{ change: 'silence', closedAt: null }])
  })

  test('the rate that is silent by night is not called for it', () => {
    const next = random(3)
    const hours = Array.from({ length: 24 * 42 }, (_, hour) => (hour % 24 < 8 ? 0 : drawCount(next, 30, 1)))
    expect(watchAll(startRateWatch(hourSettings(THRESHOLD), 0), hours).calls).toEqual([])
  })

  test('the rate that is silent by day is called within two hours', () => {
    const next = random(3)
    const hours = Array.from({ length: 24 * 42 + 12 }, (_, hour) => (hour % 24 < 8 ? 0 : drawCount(next, 30, 1)))
    const { watch } = watchAll(startRateWatch(hourSettings(THRESHOLD), 0), hours)
    const [call] = watchAll(watch, [0, 0]).calls
    expect(call).toMatchObject({ change: 'silence', seen: 0, openedAt: (24 * 42 + 13) * HOUR_MS })
  })

  test('the rate of few units is not called, because nothing is known of it', () => {
    expect(watchAll(learn(10), repeat(0, 15)).calls).toEqual([])
  })

  test('the rate is called at the end of the part in which the evidence is enough', () => {
    const [call] = closeUnit(LEARNED, repeat(0, 4), true).calls
    expect(call).toMatchObject({ change: 'silence', openedAt: (LEARNED_DAYS + 0.5) * DAY_MS })
  })

  test('the rate of a unit that only learns is not called, and has no part in a later call', () => {
    const { watch, calls } = closeUnit(LEARNED, [0], false)
    expect(calls).toEqual([])
    expect(watch.sums.every(({ height }) => height === 0)).toBe(true)
  })

  test('the rate of a unit that is not over is called as it will be when it is over', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12), { minLength: 6, maxLength: 6 }), fc.integer({ min: 1, max: 6 }), (parts, over) => {
        const closed = closeUnit(LEARNED, parts, true).calls
        const end = LEARNED.at + (over / 6) * DAY_MS
        const untilThen = closed.filter(({ openedAt, closedAt }) => (closedAt ?? openedAt) <= end)
        expect(peekUnit(LEARNED, parts.slice(0, over), 6)).toEqual(untilThen)
      }),
      // A call that is closed after the part.
      { examples: [[[0, 12, 0, 0, 0, 0], 2]] },
    )
  })

  test('the rate that varies more takes more evidence', () => {
    const next = random(5)
    const bursty = Array.from({ length: LEARNED_DAYS }, () => drawCount(next, MEAN, 8))
    const { watch } = watchAll(startRateWatch(daySettings(THRESHOLD), 0), bursty)
    expect(watch.dispersion).toBeGreaterThan(4)
    expect(noticeTimes(watch).silence).toBeGreaterThan(3 * noticeTimes(LEARNED).silence)
    expect(watchAll(watch, repeat(0, 1)).calls).toEqual([])
  })

  test('the rate says after how long it notices which change', () => {
    const days = Object.entries(noticeTimes(LEARNED)).map(([change, ms]) => [change, Math.round((ms / DAY_MS) * 10) / 10])
    // Per event that is expected: 0.80, 0.15, 0.39 and 2.55 of evidence, of which 7 are needed.
    expect(Object.fromEntries(days)).toEqual({ silence: 0.4, decline: 2.3, growth: 0.9, burst: 0.1 })
  })

  test('the rate says more false calls a year the lower its threshold is', () => {
    const at = (threshold: number) => falseCallsInYear({ ...LEARNED, settings: { ...LEARNED.settings, threshold } })
    expect(at(4)).toBeGreaterThan(at(7))
    expect(at(7)).toBeLessThan(1)
  })
})

function calledDays({ since, openedAt }: RateCall): number {
  return (openedAt - since) / DAY_MS
}
