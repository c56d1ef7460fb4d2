// A breaker between a relay and its receiver. While the receiver answers, every delivery passes. Once it fails, one
// delivery is repeated with growing pauses and the others wait for it. So a receiver that comes back does not get all
// deliveries at once.
import { backOff } from '../../lib/back-off.ts'
import { sleep as machineSleep } from '../../lib/sleep.ts'
import { keep } from '../../ports/metrics/keep.ts'
import type { Counter, Histogram } from '../../ports/metrics/meter.ts'
import { runMeter } from '../../ports/metrics/run-meter.ts'
import { Episode } from '../../ports/report/episode.ts'
import type { Report } from '../../ports/report/notice.ts'

/** The receiver has answered that it will never accept this message. */
export class DeliveryRefused extends Error {
  override readonly name: string = 'Refused'
}

/** The receiver has told when to try again. */
export class Busy extends Error {
  override readonly name: string = 'Busy'
  readonly retryAfterMs: number
  constructor(message: string, retryAfterMs: number) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

export type BreakerOptions = {
  /** Ends all waits. */
  readonly signal: AbortSignal
  /** The name of the relay. */
  readonly relay: string
  /** What receives, as it is named in reports. */
  readonly receiver: string
  readonly report: Report
  /** Resolves after this time, or once the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  /** A random number, at least 0 and below 1. Default: Math.random. */
  readonly random?: () => number
}

export class Breaker {
  readonly #options: BreakerOptions
  readonly #away: Episode
  readonly #durations: (outcome: string) => Histogram
  readonly #open: Counter
  /** Resolves at the end of the outage; null while there is none. */
  #outage: PromiseWithResolvers<void> | null = null

  constructor(options: BreakerOptions) {
    this.#options = options
    const { relay, receiver, report, signal } = options
    const meter = runMeter(signal)
    this.#durations = keep(outcome => meter.histogram('emaki.delivery.duration', relay, outcome))
    this.#open = meter.upDownCounter('emaki.delivery.open', relay)
    const mend = 'Nothing is lost: events are sent later.'
    this.#away = new Episode({
      report,
      what: `${receiver} is unavailable`,
      mend,
      fields: { subscription: relay, part: 'relay', receiver },
    })
  }

  /** Repeats a delivery until it succeeds. Rejects if it is refused, or if the signal is aborted. */
  async deliver<T>(attempt: () => Promise<T>): Promise<T> {
    const { signal } = this.#options
    for (;;) {
      while (this.#outage) await this.#outage.promise
      signal.throwIfAborted()
      try {
        return await this.#measure(attempt)
      } catch (error) {
        if (error instanceof DeliveryRefused) throw error
        signal.throwIfAborted()
        if (!this.#outage) return await this.#tryOn(attempt, error)
      }
    }
  }

  async #tryOn<T>(attempt: () => Promise<T>, first: unknown): Promise<T> {
    const { signal, sleep = machineSleep } = this.#options
    const outage = Promise.withResolvers<void>()
    this.#outage = outage
    this.#open.add()
    this.#away.fail(first)
    try {
      for (let error = first; ; ) {
        await sleep(this.#pauseMs(this.#away.failures, error), signal)
        signal.throwIfAborted()
        try {
          return await this.#measure(attempt)
        } catch (next) {
          if (next instanceof DeliveryRefused) throw next
          this.#away.fail(next)
          error = next
        }
      }
    } finally {
      // An accepted or refused delivery is an answer, so the outage is over. After an abort nobody waits any more.
      this.#outage = null
      this.#open.add(-1)
      if (!signal.aborted) this.#away.succeed()
      outage.resolve()
    }
  }

  async #measure<T>(attempt: () => Promise<T>): Promise<T> {
    const began = performance.now()
    let outcome = 'failed'
    try {
      const result = await attempt()
      outcome = 'done'
      return result
    } catch (error) {
      if (error instanceof DeliveryRefused) outcome = 'refused'
      throw error
    } finally {
      this.#durations(outcome).record((performance.now() - began) / 1_000)
    }
  }

  #pauseMs(failures: number, error: unknown): number {
    const { random = Math.random } = this.#options
    const grown = backOff(failures - 1, { firstMs: PAUSE_MIN_MS, maxMs: PAUSE_MAX_MS, random })
    return error instanceof Busy ? Math.max(grown, Math.min(error.retryAfterMs, RETRY_AFTER_MAX_MS)) : grown
  }
}

const PAUSE_MIN_MS = 50
/** The longest pause between two attempts; `Retry-After` may ask for a longer one. */
const PAUSE_MAX_MS = 10_000
/** The longest pause that `Retry-After` may ask for. */
const RETRY_AFTER_MAX_MS = 3_600_000
