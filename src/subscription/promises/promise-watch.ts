// Watches the promises of a running app. Once a minute, one process of all reads a part of the log and of the rows again,
// and keeps in the store what breaks a promise. Each process reports what is kept there, also what a verb has found.
import { verbCommand } from '../../lib/verb-command.ts'
import { sleep as machineSleep } from '../../lib/sleep.ts'
import type { Definitions } from '../../definitions/definition.ts'
import type { Meter } from '../../ports/metrics/meter.ts'
import type { Breach } from '../../ports/promises/promises.ts'
import { BrokenPromise, PROMISE_NAMES } from '../../ports/report/broken-promise.ts'
import { Episode } from '../../ports/report/episode.ts'
import { Notice, type Report } from '../../ports/report/notice.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Subscriptions } from '../subscriptions.ts'
import { breachAdder } from './add-breach.ts'
import { LogCheck } from './log-check.ts'
import { RowCheck, type ServingRows } from './row-check.ts'

const STEP_MS = 60_000
/** The lease of the process that checks. No definition can have this name. */
const LEASE = 'check:promises'
/** It holds over a step that is late, in ms. */
const LEASE_MS: number = 3 * STEP_MS

export type PromiseWatchOptions = {
  readonly store: Store
  /** The name of this process, as an owner of leases. */
  readonly owner: string
  /** The rows that serve now, in an order that lasts. */
  readonly serving: () => readonly ServingRows[]
  readonly metrics: Meter
  readonly report: Report
  /** In ms since 1970. */
  readonly now: () => number
  /** Gives a number from 0 to below 1: it chooses what is read again. Default: `Math.random`. */
  readonly random?: () => number
  /** Waits so many ms, or until the signal aborts. Default: by the machine's clock. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

type Watching = Pick<PromiseWatchOptions, 'store' | 'owner' | 'metrics' | 'report' | 'now'> & {
  readonly definitions: Definitions
}

/** Watches the promises of an app. */
export function watchPromises(shared: Watching, subscriptions: Subscriptions): PromiseWatch {
  const projections = [...shared.definitions.projection.values()].filter(({ live }) => !live)
  const serving = () => projections.flatMap(({ name }) => subscriptions.versionsOf(name).serving ?? [])
  return new PromiseWatch({ ...shared, serving })
}

export class PromiseWatch {
  readonly #options: PromiseWatchOptions
  readonly #log: LogCheck
  readonly #rows: RowCheck
  readonly #failing: Episode
  readonly #closing = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #epoch: number | null = null
  #kept: readonly Breach[] = []
  readonly #reported = new Set<string>()

  constructor(options: PromiseWatchOptions) {
    this.#options = options
    const addBreach = breachAdder(options.store, options.owner, options.now)
    this.#log = new LogCheck({ ...options, addBreach })
    this.#rows = new RowCheck({ ...options, addBreach })
    const what = 'The promises could not be checked'
    this.#failing = new Episode({ report: options.report, what, mend: 'Mend the database.', fields: { part: 'promises' } })
  }

  /** Begins to check, a minute later. */
  start(): void {
    this.#options.metrics.observe(['emaki.promise.broken'], () => ({
      'emaki.promise.broken': this.counts().map(({ promise, breaches }) => ({ values: [promise], value: breaches })),
    }))
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
    const { store, report } = this.#options
    if (this.#epoch !== null) await store.readModel.release(LEASE, this.#epoch).catch(report)
  }

  /** How many breaches of each promise are kept, as this process read them last. */
  counts(): readonly { readonly promise: Breach['promise']; readonly breaches: number }[] {
    return PROMISE_NAMES.map(promise => ({ promise, breaches: this.#kept.filter(one => one.promise === promise).length }))
  }

  /** Checks a part, if no other process does, and reports what is kept. A store that fails is reported. */
  async step(): Promise<void> {
    const failures: unknown[] = []
    // What others have found is reported also where the check fails.
    for (const part of [() => this.#check(), () => this.#reportKept()]) await part().catch(error => failures.push(error))
    if (failures.length) this.#failing.fail(failures[0])
    else this.#failing.succeed()
  }

  async #check(): Promise<void> {
    if (!(await this.#holdsLease())) return
    await this.#log.step()
    await this.#rows.step()
  }

  async #run(): Promise<void> {
    const { sleep = machineSleep } = this.#options
    const { signal } = this.#closing
    for (;;) {
      await sleep(STEP_MS, signal)
      if (signal.aborted) return
      await this.step()
    }
  }

  async #holdsLease(): Promise<boolean> {
    const { readModel } = this.#options.store
    if (this.#epoch !== null && (await readModel.renew(LEASE, this.#epoch, LEASE_MS))) return true
    const lease = await readModel.acquire(LEASE, { owner: this.#options.owner, ttlMs: LEASE_MS, start: 0 })
    this.#epoch = lease?.epoch ?? null
    return lease !== null
  }

  async #reportKept(): Promise<void> {
    const { store, report } = this.#options
    const kept = await store.promises.breaches()
    this.#kept = kept
    const keyOf = ({ promise, subject }: Breach) => `${promise} ${subject}`
    const keys = new Set(kept.map(keyOf))
    // One that was forgotten and is found again is reported again.
    for (const key of this.#reported) if (!keys.has(key)) this.#reported.delete(key)
    for (const breach of kept) {
      if (this.#reported.has(keyOf(breach))) continue
      this.#reported.add(keyOf(breach))
      report(breachNotice(breach))
    }
  }
}

function breachNotice({ promise, subject, message, foundBy, at }: Breach): Notice {
  const mend = `Find out what has changed the database, mend it, and run: ${verbCommand('breaches', 'forget')}`
  const fields = { promise, subject, foundBy, foundAt: new Date(at).toISOString() }
  const cause = new BrokenPromise(promise, message)
  return new Notice({ level: 'error', code: 'promise-broken', message: `${message} ${mend}`, fields, cause })
}
