// Watches how often something happens. A quasi-Poisson likelihood ratio is summed against four changes of the rate; the
// sum of one passes a threshold when the change is likelier than the usual rate by far. Time is that of the events.
import { expectCount, type Season, trimmedMean } from './baseline.ts'
import { endExcursion, type Excursions, expectFalseCalls, NO_EXCURSIONS, noteSum } from './excursions.ts'

/** A change of the rate: its factor. */
export type RateChange = 'silence' | 'decline' | 'growth' | 'burst'
const FACTORS: readonly (readonly [RateChange, number])[] = [
  ['silence', 0.05],
  ['decline', 0.5],
  ['growth', 2],
  ['burst', 4],
]

export type RateSettings = {
  readonly season: Season
  /** The evidence, as a natural logarithm of a likelihood ratio, from which on a change is called. */
  readonly threshold: number
  /** How many units go by before the first call. */
  readonly learnedUnits: number
  /** After how many units the level has followed a change by half. */
  readonly levelHalfUnits: number
  /** How many units of history are kept. */
  readonly keptUnits: number
  readonly unitMs: number
  readonly unitsInYear: number
}

/** A change of a rate that was called. Times are in ms since 1970. */
export type RateCall = {
  readonly change: RateChange
  /** When the evidence began to grow, when there was enough of it, and when the rate was as usual again. Null: it is not. */
  readonly since: number
  readonly openedAt: number
  readonly closedAt: number | null
  /** How many events were expected between `since` and `openedAt`, and how many there were. */
  readonly expected: number
  readonly seen: number
}

type Sum = { readonly height: number; readonly since: number; readonly expected: number; readonly seen: number }

/** All that is known of a rate. It moves on by one unit of time with each count. */
export type RateWatch = {
  readonly settings: RateSettings
  /** The begin of the next unit, in ms since 1970. */
  readonly at: number
  readonly units: number
  /** The counts of the last units. Within a call they are what was expected. */
  readonly counts: readonly number[]
  /** The logarithm of how much higher the rate is now than that of the same hours before. */
  readonly level: number
  /** How much more the counts vary than those of a Poisson process. At least 1. */
  readonly dispersion: number
  readonly residuals: readonly number[]
  readonly sums: readonly Sum[]
  readonly excursions: Excursions
  readonly open: RateCall | null
  /** For how many units the rate has been as usual within the open call. */
  readonly calmUnits: number
}

/** A watch after a step, and the calls that were opened or closed by it. */
export type RateStep = { readonly watch: RateWatch; readonly calls: readonly RateCall[] }

const EXPECTED_MIN = 0.02
const LEVEL_MAX = 2
const RESIDUALS_MAX = 400
const RESIDUALS_MIN = 20
const RESIDUALS_SHARE = 0.98
/** After how many units the dispersion is estimated again. */
const DISPERSION_UNITS = 6
const CALM_UNITS = 4
const CALM_DEVIATIONS = 2

export function startRateWatch(settings: RateSettings, at: number): RateWatch {
  return {
    ...{ settings, at, units: 0, counts: [], level: 0, dispersion: 1, residuals: [] },
    ...{ sums: lowSums(at), excursions: NO_EXCURSIONS, open: null, calmUnits: 0 },
  }
}

const lowSums = (since: number): readonly Sum[] => FACTORS.map(() => ({ height: 0, since, expected: 0, seen: 0 }))

/**
 * Moves a watch on by a unit. `parts`: the counts of its equal parts, which are looked at one after the other.
 * `isCalling`: whether a change is called; a rate that is too low for this unit only learns.
 */
export function closeUnit(watch: RateWatch, parts: readonly number[], isCalling: boolean): RateStep {
  const seen = parts.reduce((sum, count) => sum + count, 0)
  const expected = expectUnit(watch)
  if (expected === null) return { watch: passUnit(watch, { counts: keep(watch, seen) }), calls: [] }
  const isWatched = isCalling && watch.units >= watch.settings.learnedUnits
  const opened = isWatched ? sumParts(watch, parts, expected) : { watch: { ...watch, sums: lowSums(watch.at) }, calls: [] }
  const isStill = watch.open !== null && opened.watch.open === watch.open
  const ended = isStill ? endCall(opened.watch, isUsual(watch, watch.open!, seen, expected)) : opened
  // What was called before the season was known says nothing about later calls.
  const excursions = isYoung(watch) ? NO_EXCURSIONS : ended.watch.excursions
  return { watch: learnUnit({ ...ended.watch, excursions }, seen, expected), calls: ended.calls }
}

/** What a watch calls within a unit that is not over: the parts are those that are. The watch itself does not move. */
export function peekUnit(watch: RateWatch, parts: readonly number[], partsInUnit: number): readonly RateCall[] {
  const expected = expectUnit(watch)
  if (expected === null || watch.units < watch.settings.learnedUnits) return []
  return sumParts(watch, parts, expected, partsInUnit).calls
}

/** How many events a watch expects in its next unit. Null: it does not know yet. */
export function expectUnit({ counts, level, settings }: RateWatch): number | null {
  const usual = expectCount(counts, settings.season)
  return usual === null ? null : Math.max(EXPECTED_MIN, usual * Math.exp(level))
}

/** The mean count of a unit, over the history. */
export function meanCount({ counts }: RateWatch): number {
  let sum = 0
  // A watch asks for it several times an hour, and a loop is some times faster than reduce.
  for (let i = 0; i < counts.length; i++) sum += counts[i]!
  return counts.length ? sum / counts.length : 0
}

/** How many calls a year a watch makes where nothing has changed, by the peaks that its sums had. */
export function falseCallsInYear({ excursions, settings }: RateWatch): number {
  return expectFalseCalls(excursions, settings.threshold, settings.unitsInYear)
}

/** After how long each change is noticed, in ms, if it comes at the mean rate. */
export function noticeTimes(watch: RateWatch): Readonly<Record<RateChange, number>> {
  const { threshold, unitMs } = watch.settings
  const mean = Math.max(EXPECTED_MIN, meanCount(watch))
  const after = (factor: number) => (threshold * watch.dispersion * unitMs) / (mean * (factor * Math.log(factor) - factor + 1))
  const [silence, decline, growth, burst] = FACTORS.map(([, factor]) => after(factor)) as [number, number, number, number]
  return { silence, decline, growth, burst }
}

function sumParts(watch: RateWatch, parts: readonly number[], expected: number, inUnit: number = parts.length): RateStep {
  const { settings, dispersion } = watch
  const partMs = settings.unitMs / inUnit
  let { sums, excursions, open } = watch
  const calls: RateCall[] = []
  for (const [i, seen] of parts.entries()) {
    const at = watch.at + (i + 1) * partMs
    const part = { seen, expected: expected / inUnit, dispersion, at }
    sums = sums.map((sum, j) => addPart(sum, FACTORS[j]![1], part))
    const highest = highestSum(sums, open)
    if (!open) excursions = noteSum(excursions, sums[highest]!.height)
    if (sums[highest]!.height <= settings.threshold) continue
    if (open) calls.push({ ...open, closedAt: at })
    else excursions = endExcursion(excursions)
    open = openCall(FACTORS[highest]![0], sums[highest]!, at)
    sums = lowSums(at)
    calls.push(open)
  }
  return {
    watch: {
      ...watch,
      sums,
      excursions: { ...excursions, units: excursions.units + 1 },
      open,
      calmUnits: open === watch.open ? watch.calmUnits : 0,
    },
    calls,
  }
}

/** The number of the highest sum. While a call is open, only those of a change in the other direction count. */
function highestSum(sums: readonly Sum[], open: RateCall | null): number {
  const isCalled = (j: number) => open === null || isMore(FACTORS[j]![0]) !== isMore(open.change)
  return sums.reduce((best, { height }, j) => (isCalled(j) && (!isCalled(best) || height > sums[best]!.height) ? j : best), 0)
}

const isMore = (change: RateChange) => change === 'growth' || change === 'burst'

type Part = Pick<RateWatch, 'dispersion'> & {
  readonly seen: number
  readonly expected: number
  /** The end of the part. */
  readonly at: number
}

function addPart(sum: Sum, factor: number, { seen, expected, dispersion, at }: Part): Sum {
  const height = sum.height + (seen * Math.log(factor) - (factor - 1) * expected) / dispersion
  if (height <= 0) return { height: 0, since: at, expected: 0, seen: 0 }
  return { height, since: sum.since, expected: sum.expected + expected, seen: sum.seen + seen }
}

function openCall(change: RateChange, { since, expected, seen }: Sum, openedAt: number): RateCall {
  return { change, since, openedAt, closedAt: null, expected, seen }
}

/** Whether a unit is near to what is expected. Of something rare nothing is near to it too, and silence goes on. */
function isUsual({ dispersion }: RateWatch, { change }: RateCall, seen: number, expected: number): boolean {
  const factor = FACTORS.find(([name]) => name === change)![1]
  const isSilent = change === 'silence' && seen * Math.log(factor) - (factor - 1) * expected > 0
  return !isSilent && Math.abs(seen - expected) < CALM_DEVIATIONS * Math.sqrt(expected * dispersion)
}

function endCall(watch: RateWatch, isCalm: boolean): RateStep {
  const calmUnits = isCalm ? watch.calmUnits + 1 : 0
  if (!watch.open || calmUnits < CALM_UNITS) return { watch: { ...watch, calmUnits }, calls: [] }
  const closedAt = watch.at + watch.settings.unitMs
  const closed = { ...watch.open, closedAt }
  return { watch: { ...watch, open: null, calmUnits: 0, sums: lowSums(closedAt) }, calls: [closed] }
}

/** Within a call the history takes what was expected, so that the call is not learned as usual. The level follows slowly. */
function learnUnit(watch: RateWatch, seen: number, expected: number): RateWatch {
  const level = followLevel(watch, seen, expected)
  if (watch.open) return passUnit(watch, { level, counts: keep(watch, isYoung(watch) ? seen : expected) })
  const residuals = [...watch.residuals, (seen - expected) ** 2 / expected].slice(-RESIDUALS_MAX)
  const isDue = residuals.length >= RESIDUALS_MIN && watch.units % DISPERSION_UNITS === 0
  const dispersion = isDue ? Math.max(1, trimmedMean(residuals, RESIDUALS_SHARE)) : watch.dispersion
  return passUnit(watch, { level, residuals, dispersion, counts: keep(watch, seen) })
}

/** Whether a watch does not know its longest season yet. It learns all that it sees. */
export function isYoung({ counts, settings }: RateWatch): boolean {
  const [longest] = settings.season.periods
  return longest !== undefined && counts.length < longest.least * longest.units
}

function followLevel({ level, dispersion, settings }: RateWatch, seen: number, expected: number): number {
  const deviation = (seen - expected) / Math.sqrt(expected * dispersion)
  const step = (Math.LN2 / settings.levelHalfUnits) * Math.sqrt(dispersion / Math.max(1, expected))
  return clip(level + step * clip(deviation, 1), LEVEL_MAX)
}

const clip = (value: number, most: number) => Math.max(-most, Math.min(most, value))

function passUnit(watch: RateWatch, changed: Partial<RateWatch>): RateWatch {
  return { ...watch, ...changed, at: watch.at + watch.settings.unitMs, units: watch.units + 1 }
}

function keep({ counts, settings }: RateWatch, count: number): readonly number[] {
  const kept = counts.slice(-settings.keptUnits + 1)
  kept.push(count)
  return kept
}
