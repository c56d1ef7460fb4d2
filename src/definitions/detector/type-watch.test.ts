import { expect, test } from 'bun:test'
import { drawCount, random } from '../../test-support/detector/random.ts'
import type { RateCall } from './rate.ts'
import { DAY_MS, HOUR_MS, THRESHOLD } from './settings.ts'
import { closeHour, MINUTES, peekHour, sightOf, startTypeWatch, type TypeWatch } from './type-watch.ts'

const MINUTE_MS = 60_000
const WEEKS = 5
const HOURS = 168 * WEEKS

/** A watch that has seen five weeks of a type with so many events an hour. */
function learn(perHour: number): TypeWatch {
  const next = random(11)
  return watchHours(startTypeWatch(THRESHOLD, 0), HOURS, () => drawCount(next, perHour / MINUTES, 1)).watch
}

function watchHours(watch: TypeWatch, hours: number, minuteOf: () => number) {
  const calls: RateCall[] = []
  for (let hour = 0; hour < hours; hour++) {
    const step = closeHour(watch, Array.from({ length: MINUTES }, minuteOf))
    watch = step.watch
    calls.push(...step.calls)
  }
  return { watch, calls }
}

test('a type with some events a day is watched by the day, and its silence is called at the end of a day', () => {
  const watch = learn(0.5)
  const { calls } = watchHours(watch, 24 * 3, () => 0)
  expect(calls).toMatchObject([{ change: 'silence', seen: 0 }])
  expect(calls[0]!.openedAt % DAY_MS).toBe(0)
  expect(sightOf(watch).unitMs).toBe(DAY_MS)
})

test('a type with 600 events an hour is silent for minutes until that is called', () => {
  const watch = learn(600)
  const [call] = closeHour(watch, new Array<number>(MINUTES).fill(0)).calls
  expect(call).toMatchObject({ change: 'silence', since: HOURS * HOUR_MS, seen: 0 })
  expect(call!.openedAt - call!.since).toBe(2 * MINUTE_MS)
})

test('a type that falls silent within an hour is called before the hour is over', () => {
  const watch = learn(600)
  expect(peekHour(watch, [0])).toEqual([])
  expect(peekHour(watch, [0, 0])).toMatchObject([{ change: 'silence', openedAt: HOURS * HOUR_MS + 2 * MINUTE_MS }])
})

test('a type with 5 events an hour is looked at once an hour', () => {
  const watch = learn(5)
  expect(peekHour(watch, new Array<number>(59).fill(0))).toEqual([])
  expect(sightOf(watch).unitMs).toBe(HOUR_MS)
})
