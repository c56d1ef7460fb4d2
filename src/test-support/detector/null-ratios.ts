// Years in which no share changes: the false calls that a watch makes, beside those that it says it makes.
import {
  closeRatioHour,
  isLearningRatio,
  RATIO_PARTS,
  ratioFalseCallsInYear,
  startRatioWatch,
  type Trials,
} from '../../definitions/detector/ratio.ts'
import { THRESHOLD } from '../../definitions/detector/settings.ts'
import type { NullYears } from './null-years.ts'
import { drawCount, random } from './random.ts'

const HOURS_IN_YEAR = 8_766
/** The mean trials of an hour, with their share of hits. */
const MEANS: readonly Trials[] = [
  { trials: 4, hits: 0.02 },
  { trials: 4, hits: 0.3 },
  { trials: 40, hits: 0.005 },
  { trials: 40, hits: 0.1 },
  { trials: 300, hits: 0.01 },
]

/** Sets of years behind the time in which the watch learns: a share that stays, and one that varies from hour to hour. */
export function runNullRatios(years: number, threshold: number = THRESHOLD): readonly NullYears[] {
  return [false, true].map(varies => {
    const total = { years, calls: 0, printed: 0 }
    for (let seed = 1; seed <= years; seed++) {
      const year = runYear(MEANS[seed % MEANS.length]!, varies, threshold, seed)
      total.calls += year.calls
      total.printed += year.printed / years
    }
    return { name: varies ? 'shares that vary' : 'one share', ...total }
  })
}

function runYear(mean: Trials, varies: boolean, threshold: number, seed: number) {
  const next = random(seed)
  let watch = startRatioWatch(threshold, 0)
  let calls = 0
  for (let hour = 0, known = 0; known < HOURS_IN_YEAR; hour++) {
    if (!isLearningRatio(watch)) known++
    // By day there are more trials than by night.
    const trials = (mean.trials / RATIO_PARTS) * (1 + 0.7 * Math.sin((2 * Math.PI * (hour % 24)) / 24))
    const share = varies ? (mean.hits * drawCount(next, VARIED, VARIED_MORE)) / VARIED : mean.hits
    const parts = Array.from({ length: RATIO_PARTS }, () => drawTrials(next, drawCount(next, trials, 1), share))
    const step = closeRatioHour(watch, parts)
    if (known > 0) calls += step.calls.filter(({ closedAt }) => closedAt === null).length
    watch = step.watch
  }
  return { calls, printed: ratioFalseCallsInYear(watch) }
}
const VARIED = 20
const VARIED_MORE = 2

function drawTrials(next: () => number, trials: number, share: number): Trials {
  let hits = 0
  for (let i = 0; i < trials; i++) if (next() < share) hits++
  return { hits, trials }
}

if (import.meta.main)
  for (const { name, years, calls, printed } of runNullRatios(
    Number(process.argv[2] ?? 50),
    Number(process.argv[3] ?? THRESHOLD),
  ))
    console.log(
      `${name.padEnd(24)} ${years} years: ${(calls / years).toFixed(2)} false calls a year, ${printed.toFixed(2)} printed`,
    )
