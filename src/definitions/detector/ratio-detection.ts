// Which shares are watched, and how their counts are paired.
import type { RatioFinding } from './finding.ts'
import { type Pair, PairDetection } from './pair-detection.ts'
import {
  closeRatioHour,
  isLearningRatio,
  peekRatioHour,
  RATIO_PARTS,
  type RatioCall,
  type RatioChange,
  ratioFalseCallsInYear,
  ratioNoticeTimes,
  type RatioWatch,
  startRatioWatch,
  type Trials,
  trialsInDay,
  usualShare,
} from './ratio.ts'
import { nameOfSubject, type RatioKind, sampleSubject, wordOfSubject } from './subjects.ts'
import { MINUTES } from './type-watch.ts'

/** What each share is of. Events are counted for each accepted command, and so they are no part of what they are of. */
const OF: Readonly<Record<RatioKind, { readonly of: string; readonly isPart: boolean }>> = {
  rejected: { of: 'command', isPart: true },
  conflicts: { of: 'decisions', isPart: true },
  events: { of: 'accepted', isPart: false },
}

/** What can be seen of a share. */
export type RatioSight = {
  /** `rejected order.place` */
  readonly subject: string
  /** How much is usual: a share from 0 to 1, or events for each command. */
  readonly usual: number
  /** How many commands or decisions a day it is of. */
  readonly inDay: number
  readonly isLearning: boolean
  /** After how long each change is noticed, in ms. */
  readonly noticeMs: Readonly<Record<RatioChange, number>>
  readonly falseCallsInYear: number
}

export type RatioDetection = PairDetection<RatioWatch, RatioCall, RatioFinding>

export function ratioDetection(threshold: number): RatioDetection {
  return new PairDetection<RatioWatch, RatioCall, RatioFinding>({
    sideOf: subject => {
      const [word, name] = [wordOfSubject(subject), nameOfSubject(subject)]
      if (word in OF) return { pair: subject, side: 'first' }
      const kind = KINDS.find(one => OF[one].of === word)
      return kind ? { pair: sampleSubject(kind, name), side: 'second' } : null
    },
    start: at => startRatioWatch(threshold, at),
    closeHour: (watch, hour, pair) => closeRatioHour(watch, toParts(hour, pair)),
    peekHour: (watch, minutes, pair) => peekRatioHour(watch, toParts(minutes, pair)),
    findingOf: ({ expected, seen, ...call }, watch, pair) => ({
      ...{ kind: 'ratio', ...call, subject: pair, examples: [] },
      ...{ expected: toShown(expected, pair), seen: toShown(seen, pair), falseCallsInYear: ratioFalseCallsInYear(watch) },
    }),
  })
}
const KINDS = Object.keys(OF) as RatioKind[]

export function ratioSights(detection: RatioDetection): readonly RatioSight[] {
  return detection.watches.map(([subject, watch]) => ({
    ...{ subject, usual: toShown(usualShare(watch), subject), inDay: toInDay(watch, subject) },
    ...{ isLearning: isLearningRatio(watch), noticeMs: ratioNoticeTimes(watch) },
    falseCallsInYear: ratioFalseCallsInYear(watch),
  }))
}

/** The parts of an hour that are over. */
function toParts({ first, second }: Pair, pair: string): readonly Trials[] {
  const length = MINUTES / RATIO_PARTS
  const { isPart } = OF[wordOfSubject(pair) as RatioKind]
  return Array.from({ length: Math.floor(first.length / length) }, (_, i) => {
    const sumOf = (counts: readonly number[]) => counts.slice(i * length, (i + 1) * length).reduce((sum, count) => sum + count, 0)
    const [hits, others] = [sumOf(first), sumOf(second)]
    return { hits, trials: isPart ? Math.max(hits, others) : hits + others }
  })
}

/** A share, or its odds: how many events a command has. */
function toShown(share: number, pair: string): number {
  return OF[wordOfSubject(pair) as RatioKind].isPart ? share : share / Math.max(Number.EPSILON, 1 - share)
}

function toInDay(watch: RatioWatch, pair: string): number {
  const inDay = trialsInDay(watch)
  return OF[wordOfSubject(pair) as RatioKind].isPart ? inDay : inDay * (1 - usualShare(watch))
}
