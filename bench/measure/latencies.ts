/** Durations in ms, kept whole: a run has some hundred thousand. */
export class Latencies {
  #values = new Float64Array(65_536)
  count = 0

  add(ms: number): void {
    if (this.count === this.#values.length) this.#grow()
    this.#values[this.count++] = ms
  }

  /** The quantiles asked for, by nearest rank; 0 when nothing was recorded. */
  quantiles(...wanted: readonly number[]): number[] {
    const sorted = this.#values.subarray(0, this.count).toSorted()
    return wanted.map(q => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0)
  }

  #grow(): void {
    const values = new Float64Array(this.#values.length * 2)
    values.set(this.#values)
    this.#values = values
  }
}
