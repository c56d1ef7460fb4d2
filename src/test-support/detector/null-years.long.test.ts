import { expect, test } from 'bun:test'
import { runNullYears } from './null-years.ts'

const YEARS = 50

test('the rate detector makes as many false calls as it says, within a factor of 2, in 200 years without a change', () => {
  const sets = runNullYears(YEARS)
  const of = (what: (set: (typeof sets)[number]) => number) => sets.reduce((sum, set) => sum + what(set), 0)
  expect(of(({ years }) => years)).toBe(200)
  const ratio = of(({ calls }) => calls) / of(({ years, printed }) => years * printed)
  expect(ratio).toBeGreaterThan(0.5)
  expect(ratio).toBeLessThan(2)
  // A set with few calls says nothing by itself.
  for (const { calls, years, printed } of sets.filter(({ calls }) => calls >= 10)) {
    expect(calls / (years * printed)).toBeGreaterThan(0.5)
    expect(calls / (years * printed)).toBeLessThan(2)
  }
})
