import { expect, test } from 'bun:test'
import { backOff } from './back-off.ts'

test('back-off waits twice as long after each failure, up to a bound, however many there are', () => {
  const waits = [0, 1, 2, 3, 4, 5_000].map(failures => backOff(failures, { firstMs: 10, maxMs: 100 }))
  expect(waits).toEqual([10, 20, 40, 80, 100, 100])
})

test('back-off is shortened at random to a half at least', () => {
  const bounds = { firstMs: 10, maxMs: 100 }
  expect([0, 0.5, 1].map(chance => backOff(9, { ...bounds, random: () => chance }))).toEqual([50, 75, 100])
})
