// Detects over a log from its beginning, and over the samples of commands that are kept, as a detector with other settings would have done it.
import { Detection } from '../../definitions/detector/detection.ts'
import type { DelaySight } from '../../definitions/detector/delay-detection.ts'
import type { Finding } from '../../definitions/detector/finding.ts'
import type { OrderSight } from '../../definitions/detector/order.ts'
import type { SubjectSight } from '../../definitions/detector/rate-findings.ts'
import { countEvent, type HourCount, NO_EVENTS } from '../../definitions/detector/hour-row.ts'
import type { RatioSight } from '../../definitions/detector/ratio-detection.ts'
import { HOUR_MS } from '../../definitions/detector/settings.ts'
import { categoryOf } from '../../definitions/event/stream-name.ts'
import { background } from '../../lib/turns.ts'
import { type FollowingEvent, Predecessors } from '../predecessors.ts'
import { logPages } from '../../ports/store/pages.ts'
import type { Store } from '../../ports/store/store.ts'
import { SampleReader } from './sample-reader.ts'

export type BacktestOptions = {
  readonly threshold: number
  /** Whether events of a type are counted: `order.Placed`. */
  readonly isCounted: (subject: string) => boolean
  /** Whether what nodes have counted of commands is watched: `command order.place`. */
  readonly isSampled: (subject: string) => boolean
  /** In ms since 1970. */
  readonly now: () => number
}
/** What would have been found. Times are in ms since 1970. */
export type Backtest = {
  readonly from: number
  readonly until: number
  readonly findings: readonly Finding[]
  readonly subjects: readonly SubjectSight[]
  readonly ratios: readonly RatioSight[]
  readonly delays: readonly DelaySight[]
  readonly orders: readonly OrderSight[]
}

/** The work of an event, in characters. */
const EVENT_SIZE = 256

/** Reads the whole log, and the samples. The types are those that are stored. Rejects with the store's error, and with DamagedStream. */
export async function backtest(store: Store, { threshold, isCounted, isSampled, now }: BacktestOptions): Promise<Backtest> {
  const samples = new SampleReader({ samples: store.samples, threshold, isWatched: isSampled, now })
  await samples.read()
  const detection = new Detection(threshold)
  const hours = new HourCounter(detection, isCounted)
  const predecessors = new Predecessors(store)
  for await (const page of logPages(store, { until: await store.head() })) {
    for (const event of await predecessors.addTo(page)) hours.count(event)
    if (background.isOver(page.length * EVENT_SIZE)) await background.next()
  }
  const { from, until } = joinRanges(hours.end(), samples.range)
  const findings = [...detection.findings, ...samples.findings].toSorted((one, other) => one.openedAt - other.openedAt)
  const subjects = [...detection.sights, ...samples.subjects]
  const { ratios, delays } = samples
  return { from, until, findings, subjects, ratios, delays, orders: detection.orders }
}

type Range = Pick<Backtest, 'from' | 'until'>

/** A range that begins at 0 is empty. */
function joinRanges(one: Range, other: Range): Range {
  if (one.from === 0 || other.from === 0) return one.from === 0 ? other : one
  return { from: Math.min(one.from, other.from), until: Math.max(one.until, other.until) }
}

/** Counts events in the order of the log, and closes each hour behind which there is one. */
class HourCounter {
  readonly #detection: Detection
  readonly #isCounted: (subject: string) => boolean
  readonly #counts = new Map<string, HourCount>()
  #from = 0
  #hour = 0

  constructor(detection: Detection, isCounted: (subject: string) => boolean) {
    this.#detection = detection
    this.#isCounted = isCounted
  }

  count({ stream, type, at, position, follows }: FollowingEvent): void {
    const time = Date.parse(at)
    if (time >= this.#hour + HOUR_MS) this.#closeUntil(time - (time % HOUR_MS))
    const category = categoryOf(stream)
    const subject = `${category}.${type}`
    if (!this.#isCounted(subject)) return
    const row = this.#counts.get(subject) ?? NO_EVENTS
    this.#counts.set(subject, { ...countEvent(row, { category, type, at, position, follows }), subject, hour: this.#hour })
  }

  /** Closes the last hour too. */
  end(): Range {
    if (this.#hour > 0) this.#closeUntil(this.#hour + HOUR_MS)
    return { from: this.#from, until: this.#hour }
  }

  #closeUntil(hour: number): void {
    this.#detection.add([...this.#counts.values()])
    this.#detection.close(hour)
    this.#counts.clear()
    this.#hour = hour
    if (this.#from === 0) this.#from = hour
  }
}
