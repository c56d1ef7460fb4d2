// Years in which delays are no longer than usual: the false calls that a watch makes, beside those that it says it makes.
import {
  closeDelayHour,
  DELAY_PARTS,
  type Delays,
  delayFalseCallsInYear,
  isLearningDelay,
  startDelayWatch,
} from '../../definitions/detector/delay.ts'
import { LAG_LEAST } from '../../definitions/detector/delay-detection.ts'
import { THRESHOLD } from '../../definitions/detector/settings.ts'
import type { NullYears } from './null-years.ts'
import { drawCount, random } from './random.ts'

const HOURS_IN_YEAR = 8_766
/**
 * Years in which no lag grows. It is looked at ten times in ten minutes. Mostly few events wait; a burst comes twice an
 * hour, and is worked off.
 */
export function runNullLags(years: number, threshold: number = THRESHOLD): NullYears {
  const total = { years, calls: 0, printed: 0 }
  for (let seed = 1; seed <= years; seed++) {
    const next = random(seed)
    let lag = 0
    const year = watchYear(threshold, () => {
      const looked = Array.from({ length: LOOKS }, () => {
        lag = Math.max(0, lag + drawCount(next, EVENTS, 1) - HANDLED_MAX + (next() < BURSTS ? -BURST * Math.log(1 - next()) : 0))
        return Math.log(lag + LAG_LEAST)
      })
      return { count: LOOKS, logs: looked.reduce((sum, log) => sum + log, 0) }
    })
    total.calls += year.calls
    total.printed += year.printed / years
  }
  return { name: 'lags with bursts', ...total }
}
const LOOKS = 10
/** The mean number of events in a minute, how many are handled at most, and the share of minutes that have a burst. */
const EVENTS = 600
const HANDLED_MAX = 1_000
const BURSTS = 1 / 30
const BURST = 500

/** The mean number of delays in ten minutes. */
const MEANS = [1, 10, 100]

/**
 * Sets of years behind the time in which the watch learns. Delays are log-normal about 20 ms, a factor of 2.2 to either
 * side. In the second set a part depends on the one before, and delays are longer by day.
 */
export function runNullDelays(years: number, threshold: number = THRESHOLD): readonly NullYears[] {
  return [false, true].map(varies => {
    const total = { years, calls: 0, printed: 0 }
    for (let seed = 1; seed <= years; seed++) {
      const year = runYear(MEANS[seed % MEANS.length]!, varies, threshold, seed)
      total.calls += year.calls
      total.printed += year.printed / years
    }
    return { name: varies ? 'delays that vary' : 'delays by chance', ...total }
  })
}

function runYear(mean: number, varies: boolean, threshold: number, seed: number) {
  const next = random(seed)
  let load = 0
  return watchYear(threshold, hour => {
    const season = varies ? 0.3 * Math.sin((2 * Math.PI * (hour % 24)) / 24) : 0
    load = varies ? KEPT * load + Math.sqrt(1 - KEPT ** 2) * LOAD * drawNormal(next) : 0
    const count = drawCount(next, mean, 1)
    return { count, logs: count * (Math.log(20) + season + load) + Math.sqrt(count) * SPREAD * drawNormal(next) }
  })
}

/** Watches a year behind the time in which the watch learns. */
function watchYear(threshold: number, drawPart: (hour: number) => Delays) {
  let [watch, calls] = [startDelayWatch(threshold, 0), 0]
  for (let hour = 0, known = 0; known < HOURS_IN_YEAR; hour++) {
    if (!isLearningDelay(watch)) known++
    const step = closeDelayHour(
      watch,
      Array.from({ length: DELAY_PARTS }, () => drawPart(hour)),
    )
    if (known > 0) calls += step.calls.filter(({ closedAt }) => closedAt === null).length
    watch = step.watch
  }
  return { calls, printed: delayFalseCallsInYear(watch) }
}
const SPREAD = 0.8
const LOAD = 0.25
/** How much of the load of a part is left in the next one. */
const KEPT = 0.7

/** By Box and Muller. */
function drawNormal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

if (import.meta.main) {
  const [years, threshold] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? THRESHOLD)]
  for (const { name, calls, printed } of [...runNullDelays(years, threshold), runNullLags(years, threshold)])
    console.log(
      `${name.padEnd(24)} ${years} years: ${(calls / years).toFixed(2)} false calls a year, ${printed.toFixed(2)} printed`,
    )
}
