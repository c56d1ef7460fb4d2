// Watches which share of trials are hits, such as rejections among commands.
//
// For x hits among n trials, and a usual share p, the logarithm of the likelihood ratio between odds that are R times as
// high and usual odds is
//
//   x ln R - n ln(1 - p + R p)
//
// It is summed for several R, and each sum begins anew at 0, as by Steiner, Cook, Farewell and Treasure, "Monitoring
// surgical performance using risk-adjusted cumulative sum charts", Biostatistics 1 (2000), 441-452. The usual share is
// not known but estimated from m past trials. So there are two proportions, whose difference varies 1 + n/m times as much
// as that of n trials alone, and the evidence is divided by this, and by how much more shares vary than by chance.
import { trimmedMean } from './baseline.ts'
import { endExcursion, type Excursions, expectFalseCalls, NO_EXCURSIONS, noteSum } from './excursions.ts'
import { DAY_MS, HOUR_MS } from './settings.ts'

/** A change of the odds: to half, twice or eight times. */
export type RatioChange = 'fall' | 'rise' | 'surge'
const FACTORS: readonly (readonly [RatioChange, number])[] = [
  ['fall', 0.5],
  ['rise', 2],
  ['surge', 8],
]

/** A change of a share that was called. Times are in ms since 1970. */
export type RatioCall = {
  readonly change: RatioChange
  readonly since: number
  readonly openedAt: number
  readonly closedAt: number | null
  /** The usual share, and that between `since` and `openedAt`, from 0 to 1. */
  readonly expected: number
  readonly seen: number
  /** How many trials there were between them. */
  readonly trials: number
}

/** The hits and trials of a stretch of time. */
export type Trials = { readonly hits: number; readonly trials: number }

type Sum = Trials & { readonly height: number; readonly since: number }

/** All that is known of a share. It moves on by an hour. */
export type RatioWatch = {
  readonly threshold: number
  /** The begin of the next hour, in ms since 1970. */
  readonly at: number
  readonly hours: number
  /** The last hours, without those within calls, and their sums. */
  readonly history: readonly Trials[]
  readonly past: Trials
  /** How much more the shares vary than by chance. At least 1. */
  readonly dispersion: number
  readonly residuals: readonly number[]
  readonly sums: readonly Sum[]
  readonly excursions: Excursions
  readonly open: RatioCall | null
  /** The hours of the open call, and the evidence that the share is usual again. */
  readonly within: readonly Trials[]
  readonly calm: number
}

export type RatioStep = { readonly watch: RatioWatch; readonly calls: readonly RatioCall[] }

const KEPT_HOURS = 672
const LEARNED_HOURS = 168
/** Before so many trials nothing is called. */
const LEARNED_TRIALS = 100
/** The evidence from which on a call is closed. */
const CALM = 3
/** A change that lasts so many hours becomes the usual share. */
const LASTING_HOURS = 168
const RESIDUALS_MAX = 400
const RESIDUALS_MIN = 20
const RESIDUALS_SHARE = 0.98
/** After how many hours the dispersion is estimated again. */
const DISPERSION_HOURS = 6
const HOURS_IN_YEAR = 8_766
/** An hour is looked at in so many equal parts. */
export const RATIO_PARTS = 6
const PART_MS = HOUR_MS / RATIO_PARTS

export function startRatioWatch(threshold: number, at: number): RatioWatch {
  return {
    ...{ threshold, at, hours: 0, history: [], past: NO_TRIALS, dispersion: 1, residuals: [] },
    ...{ sums: lowSums(at), excursions: NO_EXCURSIONS, open: null, within: [], calm: 0 },
  }
}
const NO_TRIALS: Trials = { hits: 0, trials: 0 }

const lowSums = (since: number): readonly Sum[] => FACTORS.map(() => ({ height: 0, since, hits: 0, trials: 0 }))

/** Moves a watch on by an hour. `parts`: those of the hour, in their order. */
export function closeRatioHour(watch: RatioWatch, parts: readonly Trials[]): RatioStep {
  const step = isLearningRatio(watch) ? { watch: { ...watch, sums: lowSums(watch.at) }, calls: [] } : addParts(watch, parts)
  const learned = learnHour(step.watch, parts.reduce(addTrials, NO_TRIALS))
  const ended = endLastingCall(learned)
  return { watch: ended.watch, calls: [...step.calls, ...ended.calls] }
}

/** What a watch calls within an hour that is not over: `parts` are those that are. The watch itself does not move. */
export function peekRatioHour(watch: RatioWatch, parts: readonly Trials[]): readonly RatioCall[] {
  return isLearningRatio(watch) ? [] : addParts(watch, parts).calls
}

/** Whether it has seen too little to call anything. */
export function isLearningRatio({ hours, past }: RatioWatch): boolean {
  return hours < LEARNED_HOURS || past.trials < LEARNED_TRIALS
}

/** The usual share. It is never 0 or 1, so that what has not come yet is unlikely but not impossible. */
export function usualShare({ past }: RatioWatch): number {
  return (past.hits + 0.5) / (past.trials + 1)
}

export function ratioFalseCallsInYear({ excursions, threshold }: RatioWatch): number {
  return expectFalseCalls(excursions, threshold, HOURS_IN_YEAR)
}

export function trialsInDay({ past, history }: RatioWatch): number {
  return (past.trials * DAY_MS) / HOUR_MS / Math.max(1, history.length)
}

/** After how long each change is noticed, in ms, with as many trials as usual. */
export function ratioNoticeTimes(watch: RatioWatch): Readonly<Record<RatioChange, number>> {
  const usual = usualShare(watch)
  const perMs = Math.max(Number.MIN_VALUE, trialsInDay(watch) / DAY_MS)
  const after = (factor: number) => {
    const scale = 1 - usual + factor * usual
    const evidence = ((factor * usual) / scale) * Math.log(factor) - Math.log(scale)
    return (watch.threshold * watch.dispersion) / (evidence * perMs)
  }
  const [fall, rise, surge] = FACTORS.map(([, factor]) => after(factor)) as [number, number, number]
  return { fall, rise, surge }
}

function addParts(watch: RatioWatch, parts: readonly Trials[]): RatioStep {
  let moved = watch
  const calls: RatioCall[] = []
  for (const [i, part] of parts.entries()) {
    const step = moved.open ? addWithinCall(moved, part, i) : addPart(moved, part, i)
    moved = step.watch
    calls.push(...step.calls)
  }
  const { excursions } = moved
  return { watch: { ...moved, excursions: { ...excursions, units: excursions.units + 1 } }, calls }
}

function addPart(watch: RatioWatch, part: Trials, i: number): RatioStep {
  const at = watch.at + (i + 1) * PART_MS
  const sums = watch.sums.map((sum, j) => addToSum(watch, sum, { ...part, factor: FACTORS[j]![1], at }))
  const highest = sums.reduce((best, { height }, j) => (height > sums[best]!.height ? j : best), 0)
  const excursions = noteSum(watch.excursions, sums[highest]!.height)
  if (sums[highest]!.height <= watch.threshold) return { watch: { ...watch, sums, excursions }, calls: [] }
  const { since, hits, trials } = sums[highest]!
  const open: RatioCall = {
    ...{ change: FACTORS[highest]![0], since, openedAt: at, closedAt: null },
    ...{ expected: usualShare(watch), seen: hits / trials, trials },
  }
  const opened = { ...watch, sums: lowSums(at), excursions: endExcursion(excursions), open, within: [], calm: 0 }
  return { watch: opened, calls: [open] }
}

type FactorPart = Trials & { readonly factor: number; readonly at: number }

function addToSum(watch: RatioWatch, sum: Sum, { hits, trials, factor, at }: FactorPart): Sum {
  const summed = sum.trials + trials
  const height = sum.height + evidenceOf(watch, { hits, trials }, factor) / (1 + summed / Math.max(1, watch.past.trials))
  return height <= 0 ? { height: 0, since: at, hits: 0, trials: 0 } : { ...sum, height, hits: sum.hits + hits, trials: summed }
}

function evidenceOf(watch: RatioWatch, { hits, trials }: Trials, factor: number): number {
  const usual = usualShare(watch)
  return (hits * Math.log(factor) - trials * Math.log(1 - usual + factor * usual)) / watch.dispersion
}

/** Within a call the evidence against the change is summed, until the share is usual again. */
function addWithinCall(watch: RatioWatch, part: Trials, i: number): RatioStep {
  const factor = FACTORS.find(([change]) => change === watch.open!.change)![1]
  const calm = Math.max(0, watch.calm - evidenceOf(watch, part, factor))
  if (calm < CALM) return { watch: { ...watch, calm }, calls: [] }
  const closedAt = watch.at + (i + 1) * PART_MS
  return closeCall(watch, closedAt)
}

function closeCall(watch: RatioWatch, closedAt: number): RatioStep {
  const closed = { ...watch.open!, closedAt }
  return { watch: { ...watch, open: null, within: [], calm: 0, sums: lowSums(closedAt) }, calls: [closed] }
}

/** Within a call nothing is learned, unless it lasts. */
function learnHour(watch: RatioWatch, hour: Trials): RatioWatch {
  const moved = { ...watch, at: watch.at + HOUR_MS, hours: watch.hours + 1 }
  if (watch.open) return { ...moved, within: [...watch.within, hour] }
  const usual = usualShare(watch)
  const variance = hour.trials * usual * (1 - usual)
  const isCounted = hour.trials > 0 && watch.past.trials >= LEARNED_TRIALS
  const residuals = isCounted
    ? [...watch.residuals, (hour.hits - hour.trials * usual) ** 2 / variance].slice(-RESIDUALS_MAX)
    : watch.residuals
  const isDue = residuals.length >= RESIDUALS_MIN && watch.hours % DISPERSION_HOURS === 0
  const dispersion = isDue ? Math.max(1, trimmedMean(residuals, RESIDUALS_SHARE)) : watch.dispersion
  const history = watch.history.slice(-KEPT_HOURS + 1)
  history.push(hour)
  const gone = watch.history.length < KEPT_HOURS ? NO_TRIALS : watch.history[0]!
  const past = addTrials(watch.past, { hits: hour.hits - gone.hits, trials: hour.trials - gone.trials })
  return { ...moved, history, past, residuals, dispersion }
}

/** Ends a call that has lasted so long that its share is the usual one now. */
function endLastingCall(watch: RatioWatch): RatioStep {
  if (!watch.open || watch.within.length < LASTING_HOURS) return { watch, calls: [] }
  const step = closeCall(watch, watch.at)
  const [history, residuals] = [watch.within, [] as readonly number[]]
  return { watch: { ...step.watch, history, residuals, past: history.reduce(addTrials, NO_TRIALS) }, calls: step.calls }
}

function addTrials(one: Trials, other: Trials): Trials {
  return { hits: one.hits + other.hits, trials: one.trials + other.trials }
}
