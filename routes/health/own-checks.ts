// The checks of an app's own: whether what it needs besides its store is well.
import { checkOptions } from '../../src/definitions/options.ts'
import { settleWithin } from '../../src/lib/deadline.ts'
import { Episode } from '../../src/ports/report/episode.ts'
import type { Report } from '../../src/ports/report/notice.ts'

/** Looks whether something is well: it throws, or gives false, if it is not. The signal ends with its time. */
export type Check = (signal: AbortSignal) => unknown
export type CheckOptions = {
  /** Looks whether it is well: it throws, or gives false, if it is not. The signal ends with its time. */
  readonly run: Check
  /** The time that it may take, in ms. Default: 1 000. */
  readonly timeoutMs?: number
  /** How long a result counts, in ms. Default: 10 000. */
  readonly keepMs?: number
  /** Whether `/ready` is 503 while it fails. Default: false; then only `/ready?verbose` runs it. */
  readonly isRequired?: boolean
}
/** Checks by name. */
export type Checks = Readonly<Record<string, Check | CheckOptions>>

/** The result of a check. `error`: why it fails. */
export type CheckResult = { readonly name: string; readonly isRequired: boolean; readonly error: string | null }

const TIMEOUT_MS = 1_000
const KEEP_MS = 10_000
const KINDS = { run: 'function', timeoutMs: 'number?', keepMs: 'number?', isRequired: 'boolean?' } as const

export type OwnChecksOptions = {
  readonly report: Report
  /** A clock of elapsed time, in ms. Default: the machine's clock. */
  readonly clock?: () => number
}

/** The checks of an app. Throws a TypeError for a check that is none. */
export class OwnChecks {
  readonly #all: readonly OwnCheck[]

  constructor(checks: Checks, options: OwnChecksOptions) {
    this.#all = Object.entries(checks).map(([name, check]) => new OwnCheck(name, check, options))
  }

  /** Gives the result of each check, and runs those whose result is too old. */
  readAll(): Promise<readonly CheckResult[]> {
    return Promise.all(this.#all.map(check => check.read()))
  }

  /** Gives the results on which readiness depends. */
  readRequired(): Promise<readonly CheckResult[]> {
    return Promise.all(this.#all.filter(({ isRequired }) => isRequired).map(check => check.read()))
  }
}

/** A number that is no time would make a check fail at once, or run for every probe. */
function checkTimes(name: string, { timeoutMs = TIMEOUT_MS, keepMs = KEEP_MS }: CheckOptions): void {
  if (!(timeoutMs > 0)) throw new TypeError(`the check ${name}: timeoutMs is more than 0; found ${timeoutMs}`)
  if (!(keepMs >= 0)) throw new TypeError(`the check ${name}: keepMs is 0 or more; found ${keepMs}`)
}

class OwnCheck {
  readonly #name: string
  readonly #options: Required<CheckOptions>
  readonly #clock: () => number
  readonly #failing: Episode
  #error: string | null = null
  #at = Number.NEGATIVE_INFINITY
  #reading: Promise<CheckResult> | null = null
  /** Whether a run goes on, perhaps after its time: no second one begins meanwhile. */
  #isRunning = false

  constructor(name: string, check: Check | CheckOptions, { report, clock = () => performance.now() }: OwnChecksOptions) {
    const given = typeof check === 'function' ? { run: check } : check
    checkOptions(`the check ${name}`, given, KINDS)
    checkTimes(name, given)
    this.#name = name
    this.#options = { timeoutMs: TIMEOUT_MS, keepMs: KEEP_MS, isRequired: false, ...given }
    this.#clock = clock
    const mend = this.isRequired ? 'This node is not ready meanwhile.' : 'Nothing else depends on it.'
    this.#failing = new Episode({ report, what: `The check ${name} fails`, mend, fields: { check: name }, clock })
  }

  get isRequired(): boolean {
    return this.#options.isRequired
  }

  read(): Promise<CheckResult> {
    const isFresh = this.#clock() - this.#at < this.#options.keepMs
    if (isFresh || (this.#isRunning && !this.#reading)) return Promise.resolve(this.#result())
    this.#reading ??= this.#run().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #run(): Promise<CheckResult> {
    const error = await this.#tryOnce()
    if (error === null) this.#failing.succeed()
    else this.#failing.fail(error)
    this.#error = error
    this.#at = this.#clock()
    return this.#result()
  }

  /** Runs the check within its time. Gives why it fails. */
  async #tryOnce(): Promise<string | null> {
    const { run, timeoutMs } = this.#options
    const over = new AbortController()
    this.#isRunning = true
    const running = (async () => run(over.signal))().finally(() => {
      this.#isRunning = false
    })
    try {
      const given = await settleWithin(timeoutMs, running, () => new Error(`no answer within ${timeoutMs} ms`))
      return given === false ? 'it gave false' : null
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      over.abort()
    }
  }

  #result(): CheckResult {
    return { name: this.#name, isRequired: this.isRequired, error: this.#error }
  }
}
