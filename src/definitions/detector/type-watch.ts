// Watches one type of events, by the hour if it is frequent enough and by the day if not.
import {
  closeUnit,
  falseCallsInYear,
  meanCount,
  noticeTimes,
  peekUnit,
  type RateCall,
  type RateChange,
  type RateWatch,
  startRateWatch,
} from './rate.ts'
import { DAY_MS, daySettings, hourSettings } from './settings.ts'

export const MINUTES = 60
/** A type is watched by the hour if it has so many events an hour. */
const HOURLY_EVENTS_MIN = 3

export type TypeWatch = {
  readonly hours: RateWatch
  readonly days: RateWatch
  /** The events of the day that is not over. */
  readonly today: number
}

/** What a watch knows after an hour, and the calls that were opened or closed in it. */
export type TypeStep = { readonly watch: TypeWatch; readonly calls: readonly RateCall[] }

/** Begins at an hour, in ms since 1970. */
export function startTypeWatch(threshold: number, hour: number): TypeWatch {
  return {
    hours: startRateWatch(hourSettings(threshold), hour),
    days: startRateWatch(daySettings(threshold), hour - (hour % DAY_MS)),
    today: 0,
  }
}

/** Closes an hour. `minutes`: how many events each of its minutes had. */
export function closeHour(watch: TypeWatch, minutes: readonly number[]): TypeStep {
  const isHourly = isFrequent(watch)
  const hour = closeUnit(watch.hours, toParts(minutes, partsOf(watch)), isHourly)
  const today = watch.today + minutes.reduce((sum, count) => sum + count, 0)
  if (hour.watch.at % DAY_MS !== 0) return { watch: { ...watch, hours: hour.watch, today }, calls: hour.calls }
  const day = closeUnit(watch.days, [today], !isHourly)
  return { watch: { hours: hour.watch, days: day.watch, today: 0 }, calls: [...hour.calls, ...day.calls] }
}

/** What is called in an hour that is not over, of which these minutes are. */
export function peekHour(watch: TypeWatch, minutes: readonly number[]): readonly RateCall[] {
  if (!isFrequent(watch)) return []
  const parts = partsOf(watch)
  const minutesInPart = MINUTES / parts
  const over = minutes.slice(0, minutes.length - (minutes.length % minutesInPart))
  return peekUnit(watch.hours, toParts(over, over.length / minutesInPart), parts)
}

/** The watch that calls: by the hour or by the day. */
export function callingWatch(watch: TypeWatch): RateWatch {
  return isFrequent(watch) ? watch.hours : watch.days
}

/** What a watch can see: after how many ms it notices each change, and how many false calls a year it makes. */
export type Sight = {
  readonly unitMs: number
  readonly noticeMs: Readonly<Record<RateChange, number>>
  readonly falseCallsInYear: number
}

export function sightOf(watch: TypeWatch): Sight {
  const calling = callingWatch(watch)
  return { unitMs: calling.settings.unitMs, noticeMs: noticeTimes(calling), falseCallsInYear: falseCallsInYear(calling) }
}

const isFrequent = ({ hours }: TypeWatch) => meanCount(hours) >= HOURLY_EVENTS_MIN

/** In how many parts an hour is looked at: minutes or ten minutes, if each has an event, or the whole. */
function partsOf({ hours }: TypeWatch): number {
  const mean = meanCount(hours)
  return [MINUTES, MINUTES / 10].find(parts => mean >= parts) ?? 1
}

function toParts(minutes: readonly number[], parts: number): readonly number[] {
  const length = minutes.length / parts
  return Array.from({ length: parts }, (_, i) => minutes.slice(i * length, (i + 1) * length).reduce((sum, n) => sum + n, 0))
}
