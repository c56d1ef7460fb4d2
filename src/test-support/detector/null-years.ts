// Years in which nothing changes: the false calls that a watch makes, beside those that it says it makes.
import { closeUnit, falseCallsInYear, isYoung, type RateSettings, startRateWatch } from '../../definitions/detector/rate.ts'
import { daySettings, hourSettings, THRESHOLD } from '../../definitions/detector/settings.ts'
import { drawCount, random } from './random.ts'

export type NullYears = { readonly name: string; readonly years: number; readonly calls: number; readonly printed: number }

/** Sets of years, each behind four weeks in which the watch learns: by hours and by days, Poisson (dispersion 1) and negative binomial, each with weekly seasons. */
export function runNullYears(years: number, threshold: number = THRESHOLD): readonly NullYears[] {
  const sets = [
    { unit: 'hours', settings: hourSettings(threshold), rateOf: hourRate },
    { unit: 'days', settings: daySettings(threshold), rateOf: dayRate },
  ]
  return sets.flatMap(({ unit, settings, rateOf }) =>
    [1, 4].flatMap(dispersion => {
      const total = { years, calls: 0, printed: 0 }
      for (let seed = 1; seed <= years; seed++) {
        const year = runYear(settings, unit => rateOf(unit, MEANS[seed % MEANS.length]!), dispersion, seed)
        total.calls += year.calls
        total.printed += year.printed / years
      }
      return [{ name: `${unit}, dispersion ${dispersion}`, ...total }]
    }),
  )
}

/** The mean counts of a unit, one after the other. */
const MEANS = [4, 20, 100]

function runYear(settings: RateSettings, rateOf: (unit: number) => number, dispersion: number, seed: number) {
  const next = random(seed)
  let watch = startRateWatch(settings, 0)
  let calls = 0
  for (let unit = 0, known = 0; known < settings.unitsInYear; unit++) {
    if (!isYoung(watch)) known++
    const step = closeUnit(watch, [drawCount(next, rateOf(unit), dispersion)], true)
    if (known > 0) calls += step.calls.filter(({ closedAt }) => closedAt === null).length
    watch = step.watch
  }
  return { calls, printed: falseCallsInYear(watch) }
}

/** More by day than by night, and less at the end of the week. */
function hourRate(hour: number, mean: number): number {
  const ofDay = 1 + 0.7 * Math.sin((2 * Math.PI * (hour % 24)) / 24)
  return mean * ofDay * (isWeekend(hour / 24) ? 0.6 : 1.16)
}

const dayRate = (day: number, mean: number) => mean * (isWeekend(day) ? 0.4 : 1.24)
const isWeekend = (day: number) => Math.floor(day) % 7 >= 5

if (import.meta.main)
  for (const { name, years, calls, printed } of runNullYears(Number(process.argv[2] ?? 50)))
    console.log(
      `${name.padEnd(24)} ${years} years: ${(calls / years).toFixed(2)} false calls a year, ${printed.toFixed(2)} printed`,
    )
