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
  /** How much more the parts of an hour vary than those of a Poisson process. */
  readonly roughness: number
}

/** What a watch knows after an hour, and the calls that were opened or closed in it. */
export type TypeStep = { readonly watch: TypeWatch; readonly calls: readonly RateCall[] }

/** Begins at an hour, in ms since 1970. */
export function startTypeWatch(threshold: number, hour: number): TypeWatch {
  return {
    hours: startRateWatch(hourSettings(threshold), hour),
    days: startRateWatch(daySettings(threshold), hour - (hour % DAY_MS)),
    today: 0,
    roughness: 1,
  }
}

/** Closes an hour. `minutes`: how many events each of its minutes had. */
export function closeHour(watch: TypeWatch, minutes: readonly number[]): TypeStep {
  const isHourly = isFrequent(watch)
  const hour = closeUnit(watch.hours, toParts(minutes, partsOf(watch)), isHourly)
  const closed = { hours: hour.watch, roughness: roughnessOf(watch, minutes) }
  const today = watch.today + sumOf(minutes)
  if (hour.watch.at % DAY_MS !== 0) return { watch: { ...watch, ...closed, today }, calls: hour.calls }
  const day = closeUnit(watch.days, [today], !isHourly)
  return { watch: { ...closed, days: day.watch, today: 0 }, calls: [...hour.calls, ...day.calls] }
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

/** What a watch can see: how often its events come, and after how many ms it notices each change at that rate. */
export type Sight = {
  /** How long what it counts takes: an hour or a day. */
  readonly unitMs: number
  readonly eventsInDay: number
  /** Whether it has seen too little to call anything. */
  readonly isLearning: boolean
  readonly noticeMs: Readonly<Record<RateChange, number>>
  /** How many calls a year it makes by chance, as far as its own past tells. */
  readonly falseCallsInYear: number
}

export function sightOf(watch: TypeWatch): Sight {
  const calling = callingWatch(watch)
  const { unitMs, learnedUnits } = calling.settings
  return {
    unitMs,
    eventsInDay: (meanCount(calling) * DAY_MS) / unitMs,
    isLearning: calling.units < learnedUnits,
    noticeMs: noticeTimes(calling),
    falseCallsInYear: falseCallsInYear(calling),
  }
}

const isFrequent = ({ hours }: TypeWatch) => meanCount(hours) >= HOURLY_EVENTS_MIN

/**
 * In how many parts an hour is looked at: minutes or ten minutes, if each has an event, or the whole. What comes in
 * batches, such as once an hour, is not looked at in parts.
 */
function partsOf(watch: TypeWatch): number {
  return watch.roughness > ROUGHNESS_MAX * watch.hours.dispersion ? 1 : evenPartsOf(watch)
}

function evenPartsOf({ hours }: TypeWatch): number {
  const mean = meanCount(hours)
  return [MINUTES, MINUTES / 10].find(parts => mean >= parts) ?? 1
}

/** The index of dispersion of the parts of an hour, smoothed over two days. */
function roughnessOf(watch: TypeWatch, minutes: readonly number[]): number {
  const parts = toParts(minutes, evenPartsOf(watch))
  const mean = sumOf(parts) / parts.length
  if (mean === 0 || parts.length === 1) return watch.roughness
  const variance = parts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (parts.length - 1)
  return watch.roughness + (variance / mean - watch.roughness) / ROUGHNESS_HOURS
}
const ROUGHNESS_MAX = 2
const ROUGHNESS_HOURS = 48

function toParts(minutes: readonly number[], parts: number): readonly number[] {
  const length = minutes.length / parts
  return Array.from({ length: parts }, (_, i) => sumOf(minutes.slice(i * length, (i + 1) * length)))
}

const sumOf = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0)
