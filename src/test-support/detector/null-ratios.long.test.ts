import { expect, test } from 'bun:test'
import { runNullRatios } from './null-ratios.ts'

const YEARS = 60

test('the watch of shares makes as many false calls as it says, within a factor of 2, in 120 years without a change', () => {
  // With less evidence than the threshold that ships there are enough calls to tell.
  for (const threshold of [10, 7]) {
    const sets = runNullRatios(YEARS, threshold)
    const of = (what: (set: (typeof sets)[number]) => number) => sets.reduce((sum, set) => sum + what(set), 0)
    const ratio = of(({ calls }) => calls) / of(({ years, printed }) => years * printed)
    expect(ratio).toBeGreaterThan(0.5)
    expect(ratio).toBeLessThan(2)
    // A set with few calls says nothing by itself.
    for (const { calls, years, printed } of sets.filter(({ calls }) => calls >= 10)) {
      expect(calls / (years * printed)).toBeGreaterThan(0.5)
      expect(calls / (years * printed)).toBeLessThan(2)
    }
  }
})
