// Detects over all that nodes count: rates of commands and rejections, and shares.
import { Detection } from './detection.ts'
import type { Finding } from './finding.ts'
import type { HourCount } from './hour-row.ts'
import type { SubjectSight } from './rate-findings.ts'
import { ratioDetection, type RatioSight, ratioSights } from './ratio-detection.ts'
import { rateKindOf } from './subjects.ts'

export class SampleDetection {
  readonly #rates: Detection
  readonly #ratios: ReturnType<typeof ratioDetection>

  constructor(threshold: number) {
    this.#rates = new Detection(threshold)
    this.#ratios = ratioDetection(threshold)
  }

  /** The begin of the first hour that is not closed. */
  get hour(): number {
    return this.#rates.hour
  }

  /** Takes counts that are not before those that it has. */
  add(counts: readonly HourCount[]): void {
    this.#rates.add(counts.filter(({ subject }) => rateKindOf(subject) !== null))
    this.#ratios.add(counts)
  }

  /** Forgets what is not closed, because it is counted further. */
  forgetOpenHours(): void {
    this.#rates.forgetOpenHours()
    this.#ratios.forgetOpenHours()
  }

  /** Closes all hours that end at `until` or before. */
  close(until: number): void {
    this.#rates.close(until)
    this.#ratios.close(until)
  }

  /** What was found until the last close, the earliest first. */
  get findings(): readonly Finding[] {
    const found: readonly Finding[] = [...this.#rates.findings, ...this.#ratios.findings]
    return found.toSorted((one, other) => one.openedAt - other.openedAt)
  }

  get subjects(): readonly SubjectSight[] {
    return this.#rates.sights
  }

  get ratios(): readonly RatioSight[] {
    return ratioSights(this.#ratios)
  }
}
