import { expect, test } from 'bun:test'
import { expectCount, trimmedMean } from './baseline.ts'
import { hourSettings } from './settings.ts'

const { season } = hourSettings(10)
const hours = (length: number, countOf: (hour: number) => number) => Array.from({ length }, (_, hour) => countOf(hour))

test('the baseline of the first hours is unknown', () => {
  expect(expectCount([1, 2, 3], season)).toBeNull()
})

test('the baseline of a young series is the mean of its last 12 hours', () => {
  expect(expectCount([...hours(20, () => 100), ...hours(12, () => 6)], season)).toBe(6)
})

test('the baseline of a series of days is that of the same hours, with the hours beside them', () => {
  expect(
    expectCount(
      hours(24 * 5 + 12, hour => (Math.abs((hour % 24) - 12) <= 1 ? 30 : 2)),
      season,
    ),
  ).toBe(30)
})

test('the baseline of a series of four weeks is that of the same weekday', () => {
  const isSunday = (hour: number) => Math.floor(hour / 24) % 7 === 6
  const counts = hours(168 * 4 + 24 * 6 + 12, hour => (isSunday(hour) ? 3 : 50))
  expect(expectCount(counts, season)).toBe(3)
})

test('the baseline leaves bursts out', () => {
  expect(trimmedMean([5, 5, 5, 5, 5, 5, 5, 5, 5, 900], 0.9)).toBe(5)
})
