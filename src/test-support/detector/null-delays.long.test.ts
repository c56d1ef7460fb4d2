import { expect, test } from 'bun:test'
import { runNullDelays, runNullLags } from './null-delays.ts'

const YEARS = 30

test('the watch of delays makes as many false calls as it says, within a factor of 2, in 60 years without a change', () => {
  // With less evidence than the threshold that ships there are enough calls to tell.
  for (const threshold of [10, 7])
    for (const { calls, years, printed } of runNullDelays(YEARS, threshold)) {
      // A set with few calls says nothing by itself.
      if (calls < 10) continue
      expect(calls / (years * printed)).toBeGreaterThan(0.5)
      expect(calls / (years * printed)).toBeLessThan(2)
    }
})

test('the watch of lags makes as many false calls as it says, within a factor of 2, in 8 years of bursts that are worked off', () => {
  const { calls, years, printed } = runNullLags(8)
  expect(calls).toBeGreaterThan(10)
  expect(calls / (years * printed)).toBeGreaterThan(0.5)
  expect(calls / (years * printed)).toBeLessThan(2)
})
