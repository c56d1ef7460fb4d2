// Detects over all that nodes count: rates of commands and rejections, shares, and delays.
import { Detection } from './detection.ts'
import { type DelayDetection, delayDetection, type DelaySight, delaySights } from './delay-detection.ts'
import type { Finding } from './finding.ts'
import type { HourCount } from './hour-row.ts'
import type { SubjectSight } from './rate-findings.ts'
import { type RatioDetection, ratioDetection, type RatioSight, ratioSights } from './ratio-detection.ts'
import { rateKindOf } from './subjects.ts'

export class SampleDetection {
  readonly #rates: Detection
  readonly #ratios: RatioDetection
  readonly #delays: DelayDetection

  constructor(threshold: number) {
    this.#rates = new Detection(threshold)
    this.#ratios = ratioDetection(threshold)
    this.#delays = delayDetection(threshold)
  }

  /** The begin of the first hour that is not closed. */
  get hour(): number {
    return this.#rates.hour
  }

  /** Takes counts that are not before those that it has. */
  add(counts: readonly HourCount[]): void {
    this.#rates.add(counts.filter(({ subject }) => rateKindOf(subject) !== null))
    this.#ratios.add(counts)
    this.#delays.add(counts)
  }

  /** Forgets what is not closed, because it is counted further. */
  forgetOpenHours(): void {
    this.#rates.forgetOpenHours()
    this.#ratios.forgetOpenHours()
    this.#delays.forgetOpenHours()
  }

  /** Closes all hours that end at `until` or before. */
  close(until: number): void {
    this.#rates.close(until)
    this.#ratios.close(until)
    this.#delays.close(until)
  }

  /** What was found until the last close, the earliest first. */
  get findings(): readonly Finding[] {
    const found: readonly Finding[] = [...this.#rates.findings, ...this.#ratios.findings, ...this.#delays.findings]
    return found.toSorted((one, other) => one.openedAt - other.openedAt)
  }

  get subjects(): readonly SubjectSight[] {
    return this.#rates.sights
  }

  get ratios(): readonly RatioSight[] {
    return ratioSights(this.#ratios)
  }

  get delays(): readonly DelaySight[] {
    return delaySights(this.#delays)
  }
}
