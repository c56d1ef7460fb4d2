// Detects over the delays of subscriptions: how their counts are paired, and what can be seen of them.
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
import { nameOfSubject, sampleSubject, wordOfSubject } from './subjects.ts'
import { MINUTES } from './type-watch.ts'

/** What can be seen of the delays of a subscription. */
export type DelaySight = {
  /** `delay order.orders`: of the events of `order`, in `orders`. */
  readonly subject: string
  /** The usual delay, in ms: its median. */
  readonly usual: number
  readonly isLearning: boolean
  /** After how long each change is noticed, in ms. */
  readonly noticeMs: Readonly<Record<DelayChange, number>>
  readonly falseCallsInYear: number
}

/** The sums of logarithms are stored as whole numbers of a thousandth, of delays in µs: so they are not negative. */
export const LOG_SCALE = 1_000
const US_IN_MS = 1_000

export type DelayDetection = PairDetection<DelayWatch, DelayCall, DelayFinding>

export function delayDetection(threshold: number): DelayDetection {
  return new PairDetection<DelayWatch, DelayCall, DelayFinding>({
    sideOf: subject => {
      const word = wordOfSubject(subject)
      if (word === 'delay') return { pair: subject, side: 'first' }
      return word === 'delay-logs' ? { pair: sampleSubject('delay', nameOfSubject(subject)), side: 'second' } : null
    },
    start: at => startDelayWatch(threshold, at),
    closeHour: (watch, hour) => closeDelayHour(watch, toDelays(hour)),
    peekHour: (watch, minutes) => peekDelayHour(watch, toDelays(minutes)),
    findingOf: (call, watch, subject) => ({
      ...{ kind: 'delay', ...call, subject, examples: [] },
      falseCallsInYear: delayFalseCallsInYear(watch),
    }),
  })
}

export function delaySights(detection: DelayDetection): readonly DelaySight[] {
  return detection.watches.map(([subject, watch]) => ({
    ...{ subject, usual: usualDelay(watch), isLearning: isLearningDelay(watch), noticeMs: delayNoticeTimes(watch) },
    falseCallsInYear: delayFalseCallsInYear(watch),
  }))
}

/** The parts of an hour that are over. */
function toDelays({ first, second }: Pair): readonly Delays[] {
  const length = MINUTES / DELAY_PARTS
  return Array.from({ length: Math.floor(first.length / length) }, (_, i) => {
    const sumOf = (counts: readonly number[]) => counts.slice(i * length, (i + 1) * length).reduce((sum, one) => sum + one, 0)
    const count = sumOf(first)
    return { count, logs: sumOf(second) / LOG_SCALE - count * Math.log(US_IN_MS) }
  })
}
