// Detects over a log from its beginning, as a detector with other settings would have done it.
import { Detection } from '../../definitions/detector/detection.ts'
import type { Finding } from '../../definitions/detector/finding.ts'
import type { SubjectSight } from '../../definitions/detector/rate-findings.ts'
import { countEvent, type HourCount, NO_EVENTS } from '../../definitions/detector/hour-row.ts'
import { HOUR_MS } from '../../definitions/detector/settings.ts'
import { categoryOf } from '../../definitions/event/stream-name.ts'
import { background } from '../../lib/turns.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { logPages } from '../../ports/store/pages.ts'
import type { Store } from '../../ports/store/store.ts'

export type BacktestOptions = {
  readonly threshold: number
  /** Whether events of a type are counted: `order.Placed`. */
  readonly isCounted: (subject: string) => boolean
}
/** What would have been found. Times are in ms since 1970. */
export type Backtest = {
  readonly from: number
  readonly until: number
  readonly findings: readonly Finding[]
  readonly subjects: readonly SubjectSight[]
}

/** The work of an event, in characters. */
const EVENT_SIZE = 256

/** Reads the whole log. The types are those that are stored. Rejects with the store's error, and with DamagedStream. */
export async function backtest(store: Store, { threshold, isCounted }: BacktestOptions): Promise<Backtest> {
  const detection = new Detection(threshold)
  const hours = new HourCounter(detection, isCounted)
  for await (const page of logPages(store, { until: await store.head() })) {
    for (const event of page) hours.count(event)
    if (background.isOver(page.length * EVENT_SIZE)) await background.next()
  }
  return { ...hours.end(), findings: detection.findings, subjects: detection.sights }
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

  count({ stream, type, at, position }: StoredEvent): void {
    const time = Date.parse(at)
    if (time >= this.#hour + HOUR_MS) this.#closeUntil(time - (time % HOUR_MS))
    const category = categoryOf(stream)
    const subject = `${category}.${type}`
    if (!this.#isCounted(subject)) return
    const row = this.#counts.get(subject) ?? NO_EVENTS
    this.#counts.set(subject, { ...countEvent(row, { category, type, at, position }), subject, hour: this.#hour })
  }

  /** Closes the last hour too. */
  end(): Pick<Backtest, 'from' | 'until'> {
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
