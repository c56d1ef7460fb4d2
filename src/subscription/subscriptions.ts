// All subscriptions of a process: starts and ends them, knows how far each is, and lets readers wait until one has come far enough.
import { instancesOf, subscriptionOf as subscriptionOfProcess } from '../process/instance.ts'
import type { ProcessSpec } from '../process/process.ts'
import type { ProcessorSpec } from '../processor/processor.ts'
import { type ProjectionSpec, projectionOf } from '../projection/projection.ts'
import { type SqlProjectionSpec, subscriptionOf } from '../projection/sql-projection.ts'
import type { Store } from '../store/store.ts'
import type { Trace } from '../trace/trace.ts'
import { Handler, type SendFor } from './handler.ts'
import type { Changed } from './projector.ts'
import { Reactor, type Sender } from './reactor.ts'
import { SqlProjector } from './sql-projector.ts'
import { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'
import { View } from './view.ts'

export type SubscriptionsOptions = {
  readonly store: Store
  /** Who this process is. */
  readonly owner: string
  readonly tail: Tail
  readonly projections: readonly ProjectionSpec[]
  readonly processors: readonly ProcessorSpec[]
  /** Sends what processors want sent. */
  readonly send: SendFor
  readonly sqlProjections: readonly SqlProjectionSpec[]
  /** Processes, and what sends their commands. */
  readonly processes: readonly (readonly [ProcessSpec, Sender])[]
  /** How long a lease holds without being renewed, in ms: so long after a crash another process takes over. */
  readonly leaseMs: number
  readonly changed: Changed | null
  /** Told of a checkpoint that another process has moved. */
  readonly heard: (table: string, position: number) => void
  readonly trace: Trace
  readonly report: (error: unknown) => void
  readonly now: () => number
}

/** Where a subscription is. */
export type Status = {
  readonly name: string
  readonly position: number
  /** How many events of the log it has not looked at, at most. */
  readonly lagEvents: number
  /** How long the first of these has been in the log, in seconds. */
  readonly lagSeconds: number
  /** Whether this process moves it on. */
  readonly isOwner: boolean
}

/** What is served under a name of its own, and the subscription of its that counts: of a projection that of the table that serves, or will. */
export type Standing = {
  readonly kind: 'projection' | 'processor' | 'sql-projection' | 'process'
  readonly name: string
  readonly subscription: Subscription
  /** Whether it has what it is asked for: of a projection, rows. */
  readonly isServed: boolean
}

/** What only the store knows of a subscription. */
export type Asked = { readonly lagSeconds: number; readonly parkedKeys: number; readonly parkedStreams: number }

/** How often the checkpoints that other processes move are asked for: with readers waiting, and without. */
const POLL_WAITING_MS = 10
const POLL_IDLE_MS = 1_000

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #views: ReadonlyMap<string, View>
  readonly #others: readonly Subscription[]
  readonly #standingOthers: readonly Standing[]
  readonly #handlers: readonly Handler[]
  readonly #waiting = new Map<Subscription, number>()
  /** By projection, how many follow its rows, whichever table serves. */
  readonly #followers = new Map<string, number>()
  #poll: Timer | null = null
  /** Each answer asks for it, and it hardly ever changes. */
  #tables: string | null = null
  #isClosed = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
    const { store, projections, processors, sqlProjections, processes } = options
    const moved = () => {
      this.#tables = null
    }
    this.#views = new Map(projections.filter(({ live }) => !live).map(spec => [spec.name, new View({ ...options, spec, moved })]))
    this.#handlers = processors.map(processor => new Handler(store, processor, options.send))
    this.#standingOthers = [
      ...processors.map(({ kind, name, filter, start }, i): Standing => {
        const subscription = new Subscription({ ...options, name, filter, start, consumer: this.#handlers[i]! })
        return { kind, name, subscription, isServed: true }
      }),
      ...sqlProjections.map((one): Standing => {
        const { kind, name, filter } = one
        const of = { name: subscriptionOf(one), filter, start: 'beginning', consumer: new SqlProjector(store, one) } as const
        return { kind, name, subscription: new Subscription({ ...options, ...of }), isServed: true }
      }),
      ...processes.map(([process, sender]): Standing => {
        const { kind, name } = process
        const { filter } = instancesOf(process)
        const consumer = new Reactor(store, process, sender, options.leaseMs)
        const of = { name: subscriptionOfProcess(process), filter, start: 'beginning', consumer } as const
        return { kind, name, subscription: new Subscription({ ...options, ...of }), isServed: true }
      }),
    ]
    this.#others = this.#standingOthers.map(({ subscription }) => subscription)
  }

  async start(): Promise<void> {
    await Promise.all([...this.#views.values()].map(view => view.start()))
    for (const subscription of this.#others) subscription.start()
    this.#schedule(0)
  }

  /** The rows of a projection, in the table that serves it. */
  view(projection: string): View {
    const view = this.#views.get(projection)
    if (!view) throw new TypeError(`no projection ${projection} is served; there are ${[...this.#views.keys()].join(', ')}`)
    return view
  }

  /** Whether every projection has rows that may be served. */
  get isReady(): boolean {
    return [...this.#views.values()].every(({ serving }) => serving !== null)
  }

  /** All that is served, by its own name. */
  get standing(): readonly Standing[] {
    const views = [...this.#views].map(([name, { serving, subscriptions }]): Standing => {
      const subscription = serving?.subscription ?? subscriptions[0]!
      return { kind: 'projection', name, subscription, isServed: serving !== null }
    })
    return [...views, ...this.#standingOthers]
  }

  /** The tables that serve, as one text that changes when another does. */
  get tables(): string {
    this.#tables ??= [...this.#views.values()].map(({ serving }) => serving?.table.name ?? '').join()
    return this.#tables
  }

  /** Where each subscription is, whoever moves it on. Rejects with what the store throws. */
  async status(): Promise<readonly Status[]> {
    await this.#learnAll()
    const all = this.#all()
    const seconds = await this.#lagsSeconds(all)
    return all.map((one, i) => {
      const { name, position, lagEvents, isOwner } = one
      return { name, position, lagEvents, lagSeconds: seconds[i]!, isOwner }
    })
  }

  /** What the store knows of all that is served, by the names of the subscriptions. Rejects with what the store throws. */
  async asked(): Promise<ReadonlyMap<string, Asked>> {
    const all = this.standing.map(({ subscription }) => subscription)
    const [seconds, counts] = await Promise.all([this.#lagsSeconds(all), this.#options.store.readModel.parkedCounts()])
    return new Map(
      all.map(({ name }, i) => {
        const { keys = 0, streams = 0 } = counts.find(count => count.name === name) ?? {}
        return [name, { lagSeconds: seconds[i]!, parkedKeys: keys, parkedStreams: streams }]
      }),
    )
  }

  /** How long the first event behind each has been in the log: one read for all that are at the same position. */
  #lagsSeconds(all: readonly Subscription[]): Promise<readonly number[]> {
    const { store, now } = this.#options
    const known = new Map<number, Promise<number>>()
    const since = async (after: number) => {
      const [first] = await store.readAll({ after, limit: 1 })
      return first ? Math.max(0, now() - Date.parse(first.at)) / 1_000 : 0
    }
    const lag = ({ position, lagEvents }: Subscription) => {
      if (lagEvents === 0) return 0
      const found = known.get(position) ?? since(position)
      known.set(position, found)
      return found
    }
    return Promise.all(all.map(lag))
  }

  /** Waits until all subscriptions, or those named, have passed a position; false: not within the time. */
  async seen(position: number, names?: readonly string[], timeoutMs = 5_000): Promise<boolean> {
    const all = names?.flatMap(name => this.#named(name)) ?? this.#all()
    const signal = AbortSignal.timeout(timeoutMs)
    return (await Promise.all(all.map(subscription => this.reached(subscription, position, signal)))).every(Boolean)
  }

  /**
   * Has a projection or processor go on from a position: rows are emptied and folded again from there, and whoever moves it on loses its
   * lease and begins anew.
   */
  async reset(name: string, position: number): Promise<void> {
    for (const subscription of this.#named(name)) await this.#options.store.readModel.reset(subscription.name, position)
  }

  /** Resolves true once a subscription's checkpoint is at or past a position, whoever moves it; false when the signal aborts first. */
  reached(subscription: Subscription, position: number, signal: AbortSignal): Promise<boolean> {
    if (subscription.position >= position) return Promise.resolve(true)
    if (signal.aborted || this.#isClosed) return Promise.resolve(false)
    return new Promise(resolve => {
      const end = (reached: boolean) => {
        stop()
        signal.removeEventListener('abort', over)
        const others = this.#waiting.get(subscription)! - 1
        if (others) this.#waiting.set(subscription, others)
        else this.#waiting.delete(subscription)
        resolve(reached)
      }
      const over = () => end(false)
      this.#waiting.set(subscription, (this.#waiting.get(subscription) ?? 0) + 1)
      const stop = subscription.onMove(() => subscription.position >= position && end(true))
      signal.addEventListener('abort', over)
      if (!subscription.isOwner) this.#schedule(0)
    })
  }

  /** Has the changes of a projection's rows heard of soon, whoever makes them; gives the function that ends it. */
  follow(projection: string): () => void {
    const count = (change: number) => this.#followers.set(projection, (this.#followers.get(projection) ?? 0) + change)
    count(1)
    if (this.#isWaited()) this.#schedule(0)
    let end = () => {
      end = () => {}
      count(-1)
    }
    return () => end()
  }

  /** Whether anybody waits for what another process does. */
  #isWaited(): boolean {
    const isFollowed = (name: string) => (this.#followers.get(name) ?? 0) > 0
    return (
      [...this.#waiting.keys()].some(({ isOwner }) => !isOwner) ||
      [...this.#views].some(([name, { serving }]) => isFollowed(name) && serving?.subscription.isOwner === false)
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#poll) clearTimeout(this.#poll)
    for (const handler of this.#handlers) handler.stop()
    await Promise.all([
      ...[...this.#views.values()].map(view => view.close()),
      ...this.#others.map(subscription => subscription.close()),
    ])
  }

  #all(): readonly Subscription[] {
    return [...[...this.#views.values()].flatMap(({ subscriptions }) => subscriptions), ...this.#others]
  }

  /** By the name of the definition, or of the subscription itself. */
  #named(name: string): readonly Subscription[] {
    const view = this.#views.get(name)
    if (view) return [view.subscriptions[0]!]
    const own = `sql_${name.replaceAll('-', '_')}`
    const found = this.#all().filter(
      one => [name, subscriptionOfProcess({ name })].includes(one.name) || projectionOf(one.name) === own,
    )
    if (!found.length)
      throw new TypeError(
        `no subscription ${name}; there are ${this.#all()
          .map(({ name }) => name)
          .join(', ')}`,
      )
    return found
  }

  #learn(subscription: Subscription, position: number): void {
    if (subscription.isOwner || subscription.position === position) return
    this.#options.heard(subscription.name, position)
    subscription.learn(position)
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return
    if (this.#poll) clearTimeout(this.#poll)
    this.#poll = setTimeout(() => void this.#ask(), ms)
    this.#poll.unref()
  }

  /** Learns where the subscriptions are that other processes move on. */
  async #learnAll(): Promise<void> {
    const others = this.#all().filter(({ isOwner }) => !isOwner)
    if (!others.length) return
    const found = await this.#options.store.readModel.progress(others.map(({ name }) => name))
    const positions = new Map(found.map(({ name, position }) => [name, position]))
    for (const subscription of others) this.#learn(subscription, positions.get(subscription.name) ?? 0)
  }

  /** One poller for all who wait on what other processes do. */
  async #ask(): Promise<void> {
    try {
      await this.#learnAll()
    } catch {
      // The store is away; those who wait go on waiting, as long as they would.
    }
    this.#schedule(this.#isWaited() ? POLL_WAITING_MS : POLL_IDLE_MS)
  }
}
