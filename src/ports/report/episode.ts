import { Notice, type NoticeFields, type Report, type RetryState } from './notice.ts'

export type EpisodeOptions = {
  readonly report: Report
  /** What is tried again and again, as the beginning of a sentence: `orders_v1 could not save its rows`. */
  readonly what: string
  /** What somebody can do, as a sentence. */
  readonly mend: string
  readonly fields?: NoticeFields
  /** A clock of elapsed time, in ms. Default: the machine's clock. */
  readonly clock?: () => number
}

/**
 * A failure that lasts while something is tried again and again. It is reported once as it begins (`retry-began`, a
 * warning) and once as it ends (`retry-ended`, with its length and the number of failures), however often it fails.
 */
export class Episode {
  readonly #options: EpisodeOptions
  readonly #clock: () => number
  #failures = 0
  #beganAt = 0
  #counted = 0
  #latest = { error: undefined as unknown, at: 0 }

  constructor(options: EpisodeOptions) {
    this.#options = options
    this.#clock = options.clock ?? (() => performance.now())
  }

  /** How often it has failed since it last succeeded. */
  get failures(): number {
    return this.#failures
  }

  /** Records a failure. Gives how many came before it in this episode, as `backOff` takes it. */
  fail(error: unknown): number {
    const before = this.#failures++
    this.#counted = this.#failures
    this.#latest = { error, at: this.#clock() }
    if (before === 0) this.#begin(error)
    return before
  }

  /** Records a success, which ends the episode. */
  succeed(): void {
    if (this.#failures === 0) return
    const { report, what, fields } = this.#options
    const lastedMs = Math.round(this.#clock() - this.#beganAt)
    const failures = this.#failures
    this.#failures = 0
    const message = `${what}; that is over after ${failures} failures in ${lastedMs} ms.`
    const known = { ...fields, failures, lastedMs }
    report(new Notice({ level: 'info', code: 'retry-ended', message, fields: known, episode: what }))
  }

  /** What it has come to. An episode that is over keeps the number of its failures, and the last of them. */
  #state(): RetryState {
    const { error, at } = this.#latest
    return { isOver: this.#failures === 0, failures: this.#counted, latest: { error, agoMs: this.#clock() - at } }
  }

  #begin(cause: unknown): void {
    const { report, what, mend, fields } = this.#options
    this.#beganAt = this.#latest.at
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `${what}: ${reason}. It is tried again until it succeeds. ${mend}`
    const retries = () => this.#state()
    report(new Notice({ level: 'warn', code: 'retry-began', message, ...(fields && { fields }), cause, episode: what, retries }))
  }
}
