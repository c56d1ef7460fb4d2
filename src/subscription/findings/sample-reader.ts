// Reads what nodes have counted that is not in the log, and detects over what is new.
import type { DelaySight } from '../../definitions/detector/delay-detection.ts'
import type { Finding } from '../../definitions/detector/finding.ts'
import type { SubjectSight } from '../../definitions/detector/rate-findings.ts'
import type { RatioSight } from '../../definitions/detector/ratio-detection.ts'
import { SampleDetection } from '../../definitions/detector/sample-detection.ts'
import type { HourCount } from '../../definitions/detector/hour-row.ts'
import { HOUR_MS } from '../../definitions/detector/settings.ts'
import { nextTurn } from '../../lib/turns.ts'
import { type Sample, type Samples, SAMPLES_KEEP_MS } from '../../ports/samples/samples.ts'

export type SampleReaderOptions = {
  readonly samples: Samples
  readonly threshold: number
  readonly isWatched: (subject: string) => boolean
  readonly now: () => number
}

/** Until when nodes have written what they counted: they write once a minute, and once more if the store was away. */
export const SAMPLES_LATE_MS = 150_000
const PAGE_SAMPLES = 200

export class SampleReader {
  readonly #options: SampleReaderOptions
  #detection: SampleDetection
  #from = 0
  #until = 0
  /** In ms since 1970. Before that nothing is looked at: nodes have yet to write what they counted while the store was away. */
  #waitsUntil = 0
  #isAway = false

  constructor(options: SampleReaderOptions) {
    this.#options = options
    this.#detection = new SampleDetection(options.threshold)
  }

  /** The begin of the first hour that was read, and until when all is. In ms since 1970; 0: nothing was read. */
  get range(): { readonly from: number; readonly until: number } {
    return { from: this.#from, until: this.#from === 0 ? 0 : this.#until }
  }

  get findings(): readonly Finding[] {
    return this.#detection.findings
  }

  get subjects(): readonly SubjectSight[] {
    return this.#detection.subjects
  }

  get ratios(): readonly RatioSight[] {
    return this.#detection.ratios
  }

  get delays(): readonly DelaySight[] {
    return this.#detection.delays
  }

  /** Reads what is new. Rejects with the store's error, and goes on where it was with the next call. */
  async read(): Promise<void> {
    const now = Math.floor(this.#options.now())
    if (this.#isAway && (await this.#isThere())) this.#waitsUntil = now + SAMPLES_LATE_MS
    if (now < this.#waitsUntil) return
    const until = now - SAMPLES_LATE_MS
    // The clock was ahead, and hours were closed that had not come.
    if (until < this.#until) this.#detection = new SampleDetection(this.#options.threshold)
    try {
      await this.#detect(until, now)
    } catch (error) {
      this.#isAway = true
      throw error
    }
  }

  async #isThere(): Promise<boolean> {
    await this.#options.samples.list({ after: { hour: 0, subject: '' }, limit: 1 })
    this.#isAway = false
    return true
  }

  async #detect(until: number, now: number): Promise<void> {
    const detection = this.#detection
    detection.forgetOpenHours()
    const first = now - SAMPLES_KEEP_MS
    for await (const counts of this.#pages(Math.max(detection.hour, first - (first % HOUR_MS)), until)) {
      if (this.#from === 0) this.#from = counts[0]!.hour
      detection.add(counts)
      // The rest of the last hour may be on the next page.
      detection.close(Math.min(until, counts.at(-1)!.hour))
      await nextTurn()
    }
    detection.close(until)
    this.#until = until
  }

  /** What is counted in an hour that has not come is of a clock that was wrong. */
  async *#pages(from: number, until: number): AsyncGenerator<readonly HourCount[]> {
    const { samples, isWatched } = this.#options
    for (let after: Pick<Sample, 'hour' | 'subject'> = { hour: from, subject: '' }; ; ) {
      const found = await samples.list({ after, limit: PAGE_SAMPLES })
      const counts = found.filter(({ hour, subject }) => hour <= until && isWatched(subject))
      if (counts.length) yield counts.map(count => ({ ...count, last: [], follows: {} }))
      if (found.length < PAGE_SAMPLES) return
      after = found.at(-1)!
    }
  }
}
