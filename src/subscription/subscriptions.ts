// All subscriptions of a process: starts and closes them, knows how far each is, and lets readers wait for one.
import { instancesOf, subscriptionOf as subscriptionOfProcess } from '../definitions/process/instance.ts'
import type { Reads } from '../definitions/reads.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import type { ProcessorSpec } from '../definitions/processor.ts'
import type { ScheduleSpec } from '../definitions/schedule.ts'
import { foldFingerprint } from '../definitions/projection/fold-fingerprint.ts'
import { type ProjectionSpec, projectionOf } from '../definitions/projection/projection.ts'
import { type SqlProjectionSpec, subscriptionOf } from '../definitions/projection/sql-projection.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Baggages } from '../ports/trace/baggage.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { checkFold, type FoldCheck, mendingOf } from './changed-folds.ts'
import { CheckpointWaiters } from './checkpoints.ts'
import { type AgendaSender, ProcessManagerRunner } from './process-manager-runner.ts'
import type { SendFor } from './processor-attempts.ts'
import { ProcessorRunner } from './processor-runner.ts'
import { ProjectionVersions } from './projection-versions.ts'
import type { OnRowsChanged } from './projector/projector.ts'
import { SqlProjectionRunner } from './sql-projection-runner.ts'
import { type DefinedSubscription, readStatus, type Status } from './status.ts'
import { Subscription, type SubscriptionOptions } from './subscription.ts'
import type { Tail } from './tail.ts'

export type SubscriptionsOptions = Pick<FoldCheck, 'refoldsChanged'> & {
  readonly store: Store
  /** The name of this process. */
  readonly owner: string
  readonly tail: Tail
  readonly projections: readonly ProjectionSpec[]
  readonly processors: readonly ProcessorSpec[]
  /** Sends the commands of processors. */
  readonly send: SendFor
  /** The reads of handlers, once there are any. */
  readonly reads: () => Reads
  readonly sqlProjections: readonly SqlProjectionSpec[]
  /** Schedules, which have a status as subscriptions have one. */
  readonly schedules: readonly ScheduleSpec[]
  /** Processes, each with the sender of its commands. */
  readonly processes: readonly (readonly [ProcessSpec, AgendaSender])[]
  /** How long a lease holds without renewal, in ms. After a crash another process takes over that much later. */
  readonly leaseMs: number
  readonly onRowsChanged: OnRowsChanged | null
  /** Called when another process has moved a checkpoint. */
  readonly onCheckpoint: (table: string, position: number) => void
  readonly trace: Trace
  readonly baggages?: Baggages
  readonly report: Report
  /** Default: nothing is measured. */
  readonly metrics?: Meter
  readonly now: () => number
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #projections: ReadonlyMap<string, ProjectionVersions>
  readonly #processors: readonly ProcessorRunner[]
  readonly #others: readonly DefinedSubscription[]
  readonly #checkpoints: CheckpointWaiters
  /** Cached, because each answer reads it and it hardly ever changes. */
  #tables: string | null = null

  constructor(options: SubscriptionsOptions) {
    this.#options = options
    const { store, projections, processors } = options
    const onServing = () => {
      this.#tables = null
    }
    const kept = projections.filter(({ live }) => !live)
    this.#projections = new Map(kept.map(spec => [spec.name, new ProjectionVersions({ ...options, spec, onServing })]))
    this.#processors = processors.map(processor => new ProcessorRunner(store, processor, options))
    this.#others = [...this.#processorSubscriptions(), ...this.#sqlProjectionSubscriptions(), ...this.#processSubscriptions()]
    this.#checkpoints = new CheckpointWaiters({
      readModel: store.readModel,
      subscriptions: () => this.#allSubscriptions(),
      servingOf: projection => this.#projections.get(projection)?.serving?.subscription ?? null,
      onMoved: options.onCheckpoint,
      report: options.report,
    })
  }

  async start(): Promise<void> {
    await Promise.all([...this.#projections.values()].map(versions => versions.start()))
    await this.#checkSqlFolds()
    for (const { subscription } of this.#others) subscription.start()
    this.#checkpoints.pollNow()
  }

  /** Ends all subscriptions. When the signal aborts, those that still run give their leases up. */
  async close(over?: AbortSignal): Promise<void> {
    this.#checkpoints.close()
    for (const runner of this.#processors) runner.stop()
    await Promise.all([
      ...[...this.#projections.values()].map(versions => versions.close(over)),
      ...this.#others.map(({ subscription }) => subscription.close(over)),
    ])
  }

  /** The versions of a projection. Throws a TypeError if it is not served. */
  versionsOf(projection: string): ProjectionVersions {
    const versions = this.#projections.get(projection)
    if (versions) return versions
    throw new TypeError(`no projection ${projection} is served; there are ${[...this.#projections.keys()].join(', ')}`)
  }

  /** Whether every projection has rows to serve. Nobody waits for those of a measure. */
  get isReady(): boolean {
    return [...this.#projections.values()].every(({ serving, spec }) => serving !== null || spec.measured !== undefined)
  }

  /** The serving tables as one text, which changes when another table serves. */
  get tables(): string {
    this.#tables ??= [...this.#projections.values()].map(({ serving }) => serving?.table.name ?? '').join()
    return this.#tables
  }

  /** Each subscription of this process, whether it runs it or not. */
  get all(): readonly Subscription[] {
    return this.#allSubscriptions()
  }

  /** The status of each subscription and schedule, whichever process runs it. Rejects with the store's error. */
  async status(): Promise<readonly Status[]> {
    await this.#checkpoints.learnAll()
    const versions = [...this.#projections.values()].flatMap(one => one.definedSubscriptions)
    return readStatus({ ...this.#options, subscriptions: [...versions, ...this.#others] })
  }

  /** As `status`, with one subscription for each definition: for a projection the one that serves, or will. */
  async servedStatus(): Promise<readonly Status[]> {
    await this.#checkpoints.learnAll()
    const served = [...this.#projections.values()].map(one => one.servedSubscription)
    return readStatus({ ...this.#options, subscriptions: [...served, ...this.#others] })
  }

  /**
   * Waits until all subscriptions, or those named, have passed a position, and their rows can be read. False: they have
   * not within `timeoutMs`.
   */
  async waitUntilProcessed(position: number, names?: readonly string[], timeoutMs = 5_000): Promise<boolean> {
    const all = names?.flatMap(name => this.#findNamed(name)) ?? this.#allSubscriptions()
    const signal = AbortSignal.timeout(timeoutMs)
    const versions = [...this.#projections.values()].filter(({ spec }) => names?.includes(spec.name) ?? true)
    const waits = [
      ...all.map(subscription => this.waitFor(subscription, position, signal)),
      ...versions.map(one => one.waitUntilServing(signal)),
    ]
    return (await Promise.all(waits)).every(Boolean)
  }

  /**
   * Resolves to true once a subscription's checkpoint is at or past a position, whichever process moves it; to false
   * when the signal aborts first.
   */
  waitFor(subscription: Subscription, position: number, signal: AbortSignal): Promise<boolean> {
    return this.#checkpoints.waitFor(subscription, position, signal)
  }

  /** Learns soon of changes to a projection's rows, whichever process makes them. Gives the function that ends this. */
  follow(projection: string): () => void {
    return this.#checkpoints.follow(projection)
  }

  /** Has each subscription that waits for a lease try to take it now. */
  takeLeases(): void {
    for (const subscription of this.#allSubscriptions()) subscription.takeLease()
  }

  /** Has each subscription of this process find out at once whether it still has its lease. */
  async checkLeases(): Promise<void> {
    await Promise.all(this.#allSubscriptions().map(subscription => subscription.checkLease()))
  }

  #processorSubscriptions(): readonly DefinedSubscription[] {
    return this.#options.processors.map(({ kind, name, filter }, i) =>
      this.#define({ kind, name }, { name, filter, consumer: this.#processors[i]! }),
    )
  }

  #sqlProjectionSubscriptions(): readonly DefinedSubscription[] {
    const { store, sqlProjections, report } = this.#options
    return sqlProjections.map(spec => {
      const { kind, name, filter } = spec
      const consumer = new SqlProjectionRunner(store, spec, report)
      const fold = foldFingerprint(spec)
      return this.#define({ kind, name }, { name: subscriptionOf(spec), filter, consumer, fold })
    })
  }

  async #checkSqlFolds(): Promise<void> {
    for (const spec of this.#options.sqlProjections) {
      const { kind, name } = spec
      const checked = { table: subscriptionOf(spec), projection: name, fold: foldFingerprint(spec), mend: mendingOf(kind, name) }
      await checkFold(this.#options, checked)
    }
  }

  #processSubscriptions(): readonly DefinedSubscription[] {
    const { store, processes, leaseMs, report } = this.#options
    return processes.map(([process, sender]) => {
      const { kind, name } = process
      const { filter } = instancesOf(process)
      const consumer = new ProcessManagerRunner(store, process, { sender, leaseMs, report })
      const own = { name: subscriptionOfProcess(process), filter, consumer }
      return { ...this.#define({ kind, name }, own), passedOver: () => consumer.passedOver }
    })
  }

  #define(
    definition: DefinedSubscription['definition'],
    own: Pick<SubscriptionOptions, 'name' | 'filter' | 'consumer' | 'fold'>,
  ): DefinedSubscription {
    return { definition, subscription: new Subscription({ ...this.#options, ...own }), isServing: true }
  }

  #allSubscriptions(): readonly Subscription[] {
    const versions = [...this.#projections.values()].flatMap(({ subscriptions }) => subscriptions)
    return [...versions, ...this.#others.map(({ subscription }) => subscription)]
  }

  /** Finds subscriptions by the name of the definition, or by their own name. Throws a TypeError if there is none. */
  #findNamed(name: string): readonly Subscription[] {
    const versions = this.#projections.get(name)
    if (versions) return [versions.subscriptions[0]!]
    const sqlProjection = `sql_${name.replaceAll('-', '_')}`
    const all = this.#allSubscriptions()
    const found = all.filter(
      one => [name, subscriptionOfProcess({ name })].includes(one.name) || projectionOf(one.name) === sqlProjection,
    )
    if (found.length) return found
    throw new TypeError(`no subscription ${name}; there are ${all.map(({ name }) => name).join(', ')}`)
  }
}
