// Detects over the delays of subscriptions, and over how many events they have before them: how their counts are paired,
// and what can be seen of them.
import {
  closeDelayHour,
  DELAY_PARTS,
  type DelayCall,
  type DelayChange,
  delayFalseCallsInYear,
  delayNoticeTimes,
  type Delays,
  type DelayWatch,
  isLearningDelay,
  peekDelayHour,
  startDelayWatch,
  usualDelay,
} from './delay.ts'
import type { DelayFinding } from './finding.ts'
import { type Pair, PairDetection } from './pair-detection.ts'
import { type LevelKind, nameOfSubject, sampleSubject, wordOfSubject } from './subjects.ts'
import { MINUTES } from './type-watch.ts'

/** What can be seen of the delays of a subscription. */
export type DelaySight = {
  /** `delay order.orders`: of the events of `order`, in `orders`. `lag order.orders`: how many wait for `orders`. */
  readonly subject: string
  /** The usual delay in ms, or lag in events: its median. */
  readonly usual: number
  readonly isLearning: boolean
  /** After how long each change is noticed, in ms. */
  readonly noticeMs: Readonly<Record<DelayChange, number>>
  readonly falseCallsInYear: number
}

/** The sums of logarithms are stored as whole numbers of a thousandth, of delays in µs: so they are not negative. */
export const LOG_SCALE = 1_000
const US_IN_MS = 1_000
/** A lag counts as so many events more, so that none of a few events is called. */
export const LAG_LEAST = 100

/** `unit`: the logarithm of what a value is counted in. `least`: how much each value counts as more. */
const LEVELS: Readonly<Record<LevelKind, { readonly unit: number; readonly least: number }>> = {
  delay: { unit: Math.log(US_IN_MS), least: 0 },
  lag: { unit: 0, least: LAG_LEAST },
}
const KINDS = Object.keys(LEVELS) as LevelKind[]

const levelOf = (subject: string) => LEVELS[wordOfSubject(subject) as LevelKind]
const toShown = (value: number, subject: string) => Math.max(0, value - levelOf(subject).least)

export type DelayDetection = PairDetection<DelayWatch, DelayCall, DelayFinding>

export function delayDetection(threshold: number): DelayDetection {
  return new PairDetection<DelayWatch, DelayCall, DelayFinding>({
    sideOf: subject => {
      const word = wordOfSubject(subject)
      if (word in LEVELS) return { pair: subject, side: 'first' }
      const kind = KINDS.find(one => `${one}-logs` === word)
      return kind ? { pair: sampleSubject(kind, nameOfSubject(subject)), side: 'second' } : null
    },
    start: at => startDelayWatch(threshold, at),
    closeHour: (watch, hour, subject) => closeDelayHour(watch, toDelays(hour, subject)),
    peekHour: (watch, minutes, subject) => peekDelayHour(watch, toDelays(minutes, subject)),
    findingOf: ({ expected, seen, ...call }, watch, subject) => ({
      ...{ kind: 'delay', ...call, subject, examples: [] },
      ...{ expected: toShown(expected, subject), seen: toShown(seen, subject) },
      falseCallsInYear: delayFalseCallsInYear(watch),
    }),
  })
}

export function delaySights(detection: DelayDetection): readonly DelaySight[] {
  return detection.watches.map(([subject, watch]) => ({
    ...{
      subject,
      usual: toShown(usualDelay(watch), subject),
      isLearning: isLearningDelay(watch),
      noticeMs: delayNoticeTimes(watch),
    },
    falseCallsInYear: delayFalseCallsInYear(watch),
  }))
}

/** The parts of an hour that are over. */
function toDelays({ first, second }: Pair, subject: string): readonly Delays[] {
  const length = MINUTES / DELAY_PARTS
  return Array.from({ length: Math.floor(first.length / length) }, (_, i) => {
    const sumOf = (counts: readonly number[]) => counts.slice(i * length, (i + 1) * length).reduce((sum, one) => sum + one, 0)
    const count = sumOf(first)
    return { count, logs: sumOf(second) / LOG_SCALE - count * levelOf(subject).unit }
  })
}
