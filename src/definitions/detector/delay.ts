// Watches how long events wait for their effects. The logarithm y of a delay varies about its median m with a variance v.
// The evidence for delays that are R times as long, as a logarithm of a likelihood ratio of two normal distributions, is
//
//   ln R (y - m - ln R / 2) / v
//
// It is summed for several R, and each sum begins anew at 0: Page, "Continuous inspection schemes", Biometrika 41 (1954),
// 100-115. Delays have long tails, so what one stretch of time can say is bounded.
import { trimmedMean } from './baseline.ts'
import { endExcursion, type Excursions, expectFalseCalls, NO_EXCURSIONS, noteSum } from './excursions.ts'
import { HOUR_MS } from './settings.ts'

/** A change of delays: to twice or eight times as long. */
export type DelayChange = 'rise' | 'surge'
const FACTORS: readonly (readonly [DelayChange, number])[] = [
  ['rise', Math.log(2)],
  ['surge', Math.log(8)],
]

/** Longer delays that were called. Times are in ms since 1970. */
export type DelayCall = {
  readonly change: DelayChange
  readonly since: number
  readonly openedAt: number
  readonly closedAt: number | null
  /** The usual delay, and that between `since` and `openedAt`, in ms: geometric means. */
  readonly expected: number
  readonly seen: number
}

/** The delays of a stretch of time: how many, and the sum of their logarithms, in ms. */
export type Delays = { readonly count: number; readonly logs: number }

type Sum = { readonly height: number; readonly since: number; readonly parts: number; readonly logs: number }

/** All that is known of delays. It moves on by an hour. */
export type DelayWatch = {
  readonly threshold: number
  /** The begin of the next hour, in ms since 1970. */
  readonly at: number
  readonly hours: number
  /** The mean logarithms of the last parts that had delays, without those within calls. */
  readonly history: readonly number[]
  readonly median: number
  readonly variance: number
  readonly sums: readonly Sum[]
  readonly excursions: Excursions
  readonly open: DelayCall | null
  /** The hours that the open call has lasted, the mean logarithms in it, and the evidence that delays are usual again. */
  readonly openHours: number
  readonly within: readonly number[]
  readonly calm: number
}

export type DelayStep = { readonly watch: DelayWatch; readonly calls: readonly DelayCall[] }

/** An hour is looked at in so many equal parts. */
export const DELAY_PARTS = 6
const PART_MS = HOUR_MS / DELAY_PARTS
const KEPT_PARTS = 2_016
const LEARNED_HOURS = 168
/** Before so many parts that had delays nothing is called. */
const LEARNED_PARTS = 100
/** The evidence of one part is no more, so that three parts or more have to agree. */
const EVIDENCE_MAX = 4
const VARIANCE_MIN = 0.01
const VARIANCE_SHARE = 0.98
const LIKENESS_MAX = 0.95
/** After how many hours the median and the variance are estimated again. */
const ESTIMATE_HOURS = 6
/** The evidence from which on a call is closed. */
const CALM = 3
/** Delays that are longer for so many hours become usual. */
const LASTING_HOURS = 168
const HOURS_IN_YEAR = 8_766

export function startDelayWatch(threshold: number, at: number): DelayWatch {
  return {
    ...{ threshold, at, hours: 0, history: [], median: 0, variance: VARIANCE_MIN, sums: lowSums(at) },
    ...{ excursions: NO_EXCURSIONS, open: null, openHours: 0, within: [], calm: 0 },
  }
}

const lowSums = (since: number): readonly Sum[] => FACTORS.map(() => ({ height: 0, since, parts: 0, logs: 0 }))

/** Moves a watch on by an hour. `parts`: those of the hour, in their order. */
export function closeDelayHour(watch: DelayWatch, parts: readonly Delays[]): DelayStep {
  const step = isLearningDelay(watch) ? { watch: { ...watch, sums: lowSums(watch.at) }, calls: [] } : addParts(watch, parts)
  const ended = endLastingCall(learnHour(step.watch, parts))
  return { watch: ended.watch, calls: [...step.calls, ...ended.calls] }
}

/** What a watch calls within an hour that is not over: `parts` are those that are. The watch itself does not move. */
export function peekDelayHour(watch: DelayWatch, parts: readonly Delays[]): readonly DelayCall[] {
  return isLearningDelay(watch) ? [] : addParts(watch, parts).calls
}

/** Whether it has seen too little to call anything. */
export function isLearningDelay({ hours, history, open }: DelayWatch): boolean {
  return open === null && (hours < LEARNED_HOURS || history.length < LEARNED_PARTS)
}

/** The usual delay, in ms. */
export function usualDelay({ median }: DelayWatch): number {
  return Math.exp(median)
}

export function delayFalseCallsInYear({ excursions, threshold }: DelayWatch): number {
  return expectFalseCalls(excursions, threshold, HOURS_IN_YEAR)
}

/** After how long each change is noticed, in ms, if each ten minutes have delays. */
export function delayNoticeTimes({ threshold, variance }: DelayWatch): Readonly<Record<DelayChange, number>> {
  const after = (shift: number) => Math.ceil(threshold / Math.min(EVIDENCE_MAX, shift ** 2 / 2 / variance)) * PART_MS
  const [rise, surge] = FACTORS.map(([, shift]) => after(shift)) as [number, number]
  return { rise, surge }
}

function addParts(watch: DelayWatch, parts: readonly Delays[]): DelayStep {
  let moved = watch
  const calls: DelayCall[] = []
  for (const [i, { count, logs }] of parts.entries()) {
    if (count === 0) continue
    const at = watch.at + (i + 1) * PART_MS
    const step = moved.open ? addWithinCall(moved, logs / count, at) : addPart(moved, logs / count, at)
    moved = step.watch
    calls.push(...step.calls)
  }
  const { excursions } = moved
  return { watch: { ...moved, excursions: { ...excursions, units: excursions.units + 1 } }, calls }
}

function addPart(watch: DelayWatch, log: number, at: number): DelayStep {
  const sums = watch.sums.map((sum, j): Sum => {
    const height = sum.height + evidenceOf(watch, log, FACTORS[j]![1])
    if (height <= 0) return { height: 0, since: at, parts: 0, logs: 0 }
    return { ...sum, height, parts: sum.parts + 1, logs: sum.logs + log }
  })
  // Where the evidence of all parts is at its bound, the greater change is called.
  const highest = sums.reduce((best, { height }, j) => (height >= sums[best]!.height ? j : best), 0)
  const excursions = noteSum(watch.excursions, sums[highest]!.height)
  if (sums[highest]!.height <= watch.threshold) return { watch: { ...watch, sums, excursions }, calls: [] }
  const { since, parts, logs } = sums[highest]!
  const open: DelayCall = {
    ...{ change: FACTORS[highest]![0], since, openedAt: at, closedAt: null },
    ...{ expected: usualDelay(watch), seen: Math.exp(logs / parts) },
  }
  const opened = { ...watch, sums: lowSums(at), excursions: endExcursion(excursions), open, openHours: 0, within: [], calm: 0 }
  return { watch: opened, calls: [open] }
}

function evidenceOf({ median, variance }: DelayWatch, log: number, shift: number): number {
  const evidence = (shift * (log - median - shift / 2)) / variance
  return Math.max(-EVIDENCE_MAX, Math.min(EVIDENCE_MAX, evidence))
}

/** Within a call the evidence against the change is summed, until delays are usual again. */
function addWithinCall(watch: DelayWatch, log: number, at: number): DelayStep {
  const shift = FACTORS.find(([change]) => change === watch.open!.change)![1]
  const calm = Math.max(0, watch.calm - evidenceOf(watch, log, shift))
  return calm < CALM ? { watch: { ...watch, calm }, calls: [] } : closeCall(watch, at)
}

function closeCall(watch: DelayWatch, closedAt: number): DelayStep {
  const closed = { ...watch.open!, closedAt }
  return { watch: { ...watch, open: null, openHours: 0, within: [], calm: 0, sums: lowSums(closedAt) }, calls: [closed] }
}

/** Within a call nothing is learned, unless it lasts. */
function learnHour(watch: DelayWatch, parts: readonly Delays[]): DelayWatch {
  const moved = { ...watch, at: watch.at + HOUR_MS, hours: watch.hours + 1 }
  const logs = parts.flatMap(({ count, logs }) => (count > 0 ? [logs / count] : []))
  if (watch.open) return { ...moved, openHours: watch.openHours + 1, within: [...watch.within, ...logs] }
  const history = [...watch.history, ...logs].slice(-KEPT_PARTS)
  const isDue = watch.hours % ESTIMATE_HOURS === 0 && history.length > 0
  return isDue ? estimate({ ...moved, history }) : { ...moved, history }
}

/** Where a part is like the one before, a sum over many varies more: by (1 + r) / (1 - r) for a correlation of r. */
function estimate(watch: DelayWatch): DelayWatch {
  const sorted = Float64Array.from(watch.history).sort()
  const median = sorted[Math.floor(sorted.length / 2)]!
  const bound =
    3 *
    Math.sqrt(
      trimmedMean(
        watch.history.map(log => (log - median) ** 2),
        VARIANCE_SHARE,
      ),
    )
  const deviations = watch.history.map(log => Math.max(-bound, Math.min(bound, log - median)))
  const variance = meanOf(deviations.map(one => one ** 2))
  const covariance = meanOf(deviations.slice(1).map((one, i) => one * deviations[i]!))
  const likeness = Math.max(0, Math.min(LIKENESS_MAX, covariance / variance || 0))
  return { ...watch, median, variance: Math.max(VARIANCE_MIN, (variance * (1 + likeness)) / (1 - likeness)) }
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** Ends a call that has lasted so long that its delays are the usual ones now. */
function endLastingCall(watch: DelayWatch): DelayStep {
  if (!watch.open || watch.openHours < LASTING_HOURS || watch.within.length === 0) return { watch, calls: [] }
  const step = closeCall(watch, watch.at)
  return { watch: estimate({ ...step.watch, history: watch.within }), calls: step.calls }
}
