// Durations in buckets whose width grows with the value, as in HdrHistogram by Gil Tene (hdrhistogram.org).
const STEPS_PER_DOUBLING = 128
/** The smallest duration that is told from 0. */
const LEAST_MS = 0.001

/** Durations in ms. A quantile is too high by at most 0.6 %. Memory grows with the range, and not with the number. */
export class LatencyHistogram {
  readonly #counts: number[] = []
  #max = 0
  count = 0

  add(ms: number): void {
    const index = ms <= LEAST_MS ? 0 : Math.ceil(Math.log2(ms / LEAST_MS) * STEPS_PER_DOUBLING)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#max = Math.max(this.#max, ms)
    this.count++
  }

  /** The quantile by nearest rank, in ms, such as 0.99; 0 when there is no duration. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.count))
    let seen = 0
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] ?? 0
      if (seen >= rank) return Math.min(this.#max, LEAST_MS * 2 ** (index / STEPS_PER_DOUBLING))
    }
    return 0
  }
}
