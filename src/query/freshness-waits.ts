// Waits until rows are as new as a caller asks for, and measures that.
import type { Histogram, Meter } from '../ports/metrics/meter.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'

type WaitFor = Subscriptions['waitFor']

export class FreshnessWaits {
  readonly #waitFor: WaitFor
  readonly #served: Histogram
  readonly #refused: Histogram

  constructor(subscriptions: Pick<Subscriptions, 'waitFor'>, meter: Meter) {
    this.#waitFor = (...asked) => subscriptions.waitFor(...asked)
    this.#served = meter.histogram('emaki.freshness.wait', 'served')
    this.#refused = meter.histogram('emaki.freshness.wait', 'refused')
  }

  /** Whether a subscription reaches a position before the signal is aborted. */
  async waitFor(...asked: Parameters<WaitFor>): ReturnType<WaitFor> {
    const began = performance.now()
    const isReached = await this.#waitFor(...asked)
    const outcome = isReached ? this.#served : this.#refused
    outcome.record((performance.now() - began) / 1_000)
    return isReached
  }
}
