// The versions of a projection. They are folded side by side, and the table of one serves.
import { backOff } from '../lib/back-off.ts'
import { foldFingerprint } from '../definitions/projection/fold-fingerprint.ts'
import { type ProjectionSpec, tableOf } from '../definitions/projection/projection.ts'
import type { Table } from '../ports/read-model/tables.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { type OnRowsChanged, Projector } from './projector/projector.ts'
import { checkFold, type FoldCheck, mendingOf } from './changed-folds.ts'
import type { DefinedSubscription } from './status.ts'
import { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'

export type ProjectionVersionsOptions = Pick<FoldCheck, 'refoldsChanged'> & {
  readonly store: Store
  readonly tail: Tail
  readonly spec: ProjectionSpec
  readonly owner: string
  readonly leaseMs: number
  readonly onRowsChanged: OnRowsChanged | null
  /** Called when another table begins to serve. */
  readonly onServing: () => void
  readonly trace: Trace
  readonly report: Report
  readonly now: () => number
}

/** A version's table, and the subscription that fills it in some process. A frozen table is not filled any more. */
export type ProjectionTable = {
  readonly spec: ProjectionSpec
  readonly table: Table
  readonly subscription: Subscription
  readonly isFrozen: boolean
}

/**
 * How often to check whether another table should serve: while a version catches up, and later, when only a rebuild
 * changes it. In ms.
 */
const CHECK_BEHIND_MS = 50
const CHECK_MS = 1_000
const CHECK_FAILED = { firstMs: CHECK_BEHIND_MS, maxMs: CHECK_MS }

export class ProjectionVersions {
  readonly #options: ProjectionVersionsOptions
  /** The newest version first. */
  #versions: readonly ProjectionTable[] = []
  #serving: ProjectionTable | null = null
  /** Settles when another version serves. */
  #nextServing = Promise.withResolvers<void>()
  /** Whether the newest version serves. From then on only a rebuild changes the table. */
  #isSettled = false
  /** The head of the log when this process began. The newest version has caught up when it gets there. */
  #target = 0
  readonly #failing: Episode
  #checking: Timer | null = null
  #isClosed = false

  constructor(options: ProjectionVersionsOptions) {
    this.#options = options
    const { spec, report } = options
    const what = `The serving table of ${spec.name} could not be read or changed`
    this.#failing = new Episode({ report, what, mend: 'The rows that served go on serving.', fields: { projection: spec.name } })
  }

  get spec(): ProjectionSpec {
    return this.#options.spec
  }

  /** The table to read. Null: no version has caught up yet. */
  get serving(): ProjectionTable | null {
    return this.#serving
  }

  get subscriptions(): readonly Subscription[] {
    return this.#versions.filter(({ isFrozen }) => !isFrozen).map(({ subscription }) => subscription)
  }

  /** The subscriptions of all versions that are filled. */
  get definedSubscriptions(): readonly DefinedSubscription[] {
    return this.#versions.filter(({ isFrozen }) => !isFrozen).map(version => this.#define(version))
  }

  /** The version that serves, or the newest while none does. */
  get servedSubscription(): DefinedSubscription {
    return this.#define(this.#serving ?? this.#versions[0]!)
  }

  /** Resolves to true once a version serves; to false when the signal aborts first. */
  async waitUntilServing(signal: AbortSignal): Promise<boolean> {
    const over = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
    while (!this.#serving && !signal.aborted) await Promise.race([this.#nextServing.promise, over])
    return this.#serving !== null
  }

  async start(): Promise<void> {
    const { store, spec } = this.#options
    const serving = await store.readModel.serving(spec.name)
    const versions = versionsOf(spec).map(({ spec, isFrozen }) => this.#tableOf(spec, serving, isFrozen))
    // Only a frozen version that serves is of use.
    this.#versions = versions.filter(({ isFrozen, table }) => !isFrozen || table.name === serving)
    await store.readModel.prepare(this.#versions.map(({ table }) => table))
    for (const { spec, table } of this.#versions.filter(({ isFrozen }) => !isFrozen)) await this.#checkFold(spec, table.name)
    this.#serve(this.#versions.find(({ table }) => table.name === serving) ?? null)
    this.#isSettled = this.#serving === this.#versions[0]
    this.#target = await store.head()
    for (const { table, subscription } of this.#versions.filter(({ isFrozen }) => isFrozen))
      subscription.learnCheckpoint(await this.#readCheckpoint(table.name))
    for (const subscription of this.subscriptions) subscription.start()
    await this.#checkServing()
  }

  async close(over?: AbortSignal): Promise<void> {
    this.#isClosed = true
    if (this.#checking) clearTimeout(this.#checking)
    await Promise.all(this.subscriptions.map(subscription => subscription.close(over)))
  }

  /** The table of a version: that of its last rebuild if it serves, else its own. */
  #tableOf(spec: ProjectionSpec, serving: string | null, isFrozen = false): ProjectionTable {
    const { store, onRowsChanged, report } = this.#options
    const name = serving !== null && isTableOf(spec, serving) ? serving : tableOf(spec)
    const table = { name, indexes: spec.indexes }
    const consumer = new Projector(store, spec, table, onRowsChanged, { report })
    const own = { name, filter: spec.filter, consumer, fold: foldFingerprint(spec) }
    const subscription = new Subscription({ ...this.#options, ...own })
    return { spec, table, subscription, isFrozen }
  }

  #checkFold(spec: ProjectionSpec, table: string): Promise<void> {
    const { name } = spec
    const checked = { table, projection: name, fold: foldFingerprint(spec), mend: mendingOf('projection', name) }
    return checkFold(this.#options, checked)
  }

  #define(version: ProjectionTable): DefinedSubscription {
    const { kind, name } = this.#options.spec
    return { definition: { kind, name }, subscription: version.subscription, isServing: version === this.#serving }
  }

  async #readCheckpoint(name: string): Promise<number> {
    return (await this.#options.store.readModel.progress([name]))[0]?.position ?? 0
  }

  async #checkServing(): Promise<void> {
    const waitMs = await this.#checkOnce()
    if (this.#isClosed) return
    this.#checking = setTimeout(() => void this.#checkServing(), waitMs)
    this.#checking.unref()
  }

  /** Gives the wait before the next check, in ms. */
  async #checkOnce(): Promise<number> {
    try {
      await (this.#isSettled ? this.#followRebuild() : this.#serveNewest())
      this.#failing.succeed()
      return this.#isSettled ? CHECK_MS : CHECK_BEHIND_MS
    } catch (error) {
      return backOff(this.#failing.fail(error), CHECK_FAILED)
    }
  }

  #serve(version: ProjectionTable | null): void {
    this.#serving = version
    this.#nextServing.resolve()
    this.#nextServing = Promise.withResolvers()
    this.#options.onServing()
  }

  /** Lets the newest version serve once it has caught up with the log at the start, and with the serving table. */
  async #serveNewest(): Promise<void> {
    const { store, spec } = this.#options
    const newest = this.#versions[0]!
    if (newest.subscription.position < this.#target) return
    if (!(await store.readModel.serve(spec.name, newest.table.name))) return
    this.#serve(newest)
    this.#isSettled = true
  }

  /**
   * Follows a rebuild of another process: its table of the same version serves, and is read and filled from then on.
   */
  async #followRebuild(): Promise<void> {
    const { store, spec } = this.#options
    const serving = await store.readModel.serving(spec.name)
    if (serving === null || serving === this.#serving?.table.name || !isTableOf(spec, serving)) return
    const [old, ...before] = this.#versions
    const rebuilt = this.#tableOf(spec, serving)
    // The table exists, but this process has not written to it yet.
    await store.readModel.prepare([rebuilt.table])
    rebuilt.subscription.learnCheckpoint(await this.#readCheckpoint(serving))
    this.#versions = [rebuilt, ...before]
    this.#serve(rebuilt)
    rebuilt.subscription.start()
    await old!.subscription.close()
  }
}

/** A version and all previous ones. Versions before a frozen one are frozen, too. */
function versionsOf(spec: ProjectionSpec, isFrozen = false): readonly Pick<ProjectionTable, 'spec' | 'isFrozen'>[] {
  return [{ spec, isFrozen }, ...(spec.previous ? versionsOf(spec.previous, isFrozen || spec.frozen) : [])]
}

/** Whether a table belongs to this version: its own table, or one of a rebuild. */
export function isTableOf(spec: ProjectionSpec, name: string): boolean {
  const own = tableOf(spec)
  return name === own || (name.startsWith(`${own}_g`) && /^\d+$/.test(name.slice(own.length + 2)))
}
