// The settings of rate detectors. They were chosen on public count series, before any log of events was looked at.
import type { RateSettings } from './rate.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS: number = 24 * HOUR_MS
export const YEAR_MS: number = 365.25 * DAY_MS
const WEEK_HOURS = 168
const WEEKS = 8

/** The evidence from which on a change is called, as the logarithm of a likelihood ratio. */
export const THRESHOLD = 10
export const THRESHOLD_MIN = 5
export const THRESHOLD_MAX = 30
/** A day watch looks 24 times less often than an hour watch, and has as few false calls with less evidence. */
const FEWER_LOOKS = 3

/** Counts by the hour, for what happens three times an hour or more often. */
export function hourSettings(threshold: number): RateSettings {
  return {
    season: {
      periods: [
        { units: WEEK_HOURS, taken: WEEKS, least: 4, beside: 1 },
        { units: 24, taken: 7, least: 2, beside: 1 },
      ],
    },
    threshold,
    learnedUnits: WEEK_HOURS,
    levelHalfUnits: 48,
    keptUnits: WEEKS * WEEK_HOURS + 1,
    unitMs: HOUR_MS,
    unitsInYear: 8_766,
  }
}

/** Counts by the day, for what is rarer. */
export function daySettings(threshold: number): RateSettings {
  return {
    season: { periods: [{ units: 7, taken: WEEKS, least: 4, beside: 0 }] },
    threshold: threshold - FEWER_LOOKS,
    learnedUnits: 28,
    levelHalfUnits: 14,
    keptUnits: WEEKS * 7,
    unitMs: DAY_MS,
    unitsInYear: 365.25,
  }
}
