// A projection as it is served: its versions are folded side by side, and one table of theirs is read.
import { type ProjectionSpec, tableOf } from '../projection/projection.ts'
import type { Table } from '../read-model/read-model.ts'
import { type Store, StoreError } from '../store/store.ts'
import type { Trace } from '../trace/trace.ts'
import { type Changed, Projector } from './projector.ts'
import { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'

export type ViewOptions = {
  readonly store: Store
  readonly tail: Tail
  readonly spec: ProjectionSpec
  readonly owner: string
  readonly leaseMs: number
  readonly changed: Changed | null
  /** Told when another table serves. */
  readonly moved: () => void
  readonly trace: Trace
  readonly report: (error: unknown) => void
  readonly now: () => number
}

/** A table that is kept by a subscription of this process or another's; one that is frozen by none of this release. */
export type Kept = {
  readonly spec: ProjectionSpec
  readonly table: Table
  readonly subscription: Subscription
  readonly isFrozen: boolean
}

/** How often it is asked whether another table should serve: while one is catching up, and later, when only a rebuild changes it. */
const CHECK_BEHIND_MS = 50
const CHECK_MS = 1_000

export class View {
  readonly #options: ViewOptions
  /** The newest version first. */
  #kept: readonly Kept[] = []
  #serving: Kept | null = null
  /** The newest version serves; it need not be asked for again. */
  #isSettled = false
  /** The head of the log when this process began: the newest version has caught up once it is there. */
  #target = 0
  #checking: Timer | null = null
  #isClosed = false

  constructor(options: ViewOptions) {
    this.#options = options
  }

  get spec(): ProjectionSpec {
    return this.#options.spec
  }

  /** What is read; null: no version has caught up yet. */
  get serving(): Kept | null {
    return this.#serving
  }

  get subscriptions(): readonly Subscription[] {
    return this.#kept.filter(({ isFrozen }) => !isFrozen).map(({ subscription }) => subscription)
  }

  async start(): Promise<void> {
    const { store, spec } = this.#options
    const serving = await store.readModel.serving(spec.name)
    const versions = versionsOf(spec).map(({ spec, isFrozen }) => this.#keep(spec, serving, isFrozen))
    // Of those that are not folded on only that is of use which serves.
    this.#kept = versions.filter(({ isFrozen, table }) => !isFrozen || table.name === serving)
    await store.readModel.prepare(this.#kept.map(({ table }) => table))
    this.#serve(this.#kept.find(({ table }) => table.name === serving) ?? null)
    this.#isSettled = this.#serving === this.#kept[0]
    this.#target = await store.head()
    for (const { table, subscription } of this.#kept.filter(({ isFrozen }) => isFrozen))
      subscription.learn(await this.#position(table.name))
    for (const subscription of this.subscriptions) subscription.start()
    await this.#check()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#checking) clearTimeout(this.#checking)
    await Promise.all(this.subscriptions.map(subscription => subscription.close()))
  }

  /** A version's table: that of its last rebuild where one serves, else its own. */
  #keep(spec: ProjectionSpec, serving: string | null, isFrozen = false): Kept {
    const { store, tail, owner, leaseMs, trace, report, now } = this.#options
    const name = serving !== null && isTableOf(spec, serving) ? serving : tableOf(spec)
    const table = { name, indexes: spec.indexes }
    const consumer = new Projector(store, spec, table, this.#options.changed)
    const options = {
      store,
      tail,
      name,
      filter: spec.filter,
      start: 'beginning',
      leaseMs,
      owner,
      consumer,
      trace,
      report,
      now,
    } as const
    return { spec, table, subscription: new Subscription(options), isFrozen }
  }

  async #position(name: string): Promise<number> {
    return (await this.#options.store.readModel.progress([name]))[0]?.position ?? 0
  }

  async #check(): Promise<void> {
    try {
      await (this.#isSettled ? this.#follow() : this.#promote())
    } catch (error) {
      // A store that is away is reported by who reads it.
      if (!(error instanceof StoreError)) this.#options.report(error)
    }
    if (this.#isClosed) return
    this.#checking = setTimeout(() => void this.#check(), this.#isSettled ? CHECK_MS : CHECK_BEHIND_MS)
    this.#checking.unref()
  }

  #serve(kept: Kept | null): void {
    this.#serving = kept
    this.#options.moved()
  }

  /** Lets the newest version serve once it has caught up with the log as it was at the start, and with the table that serves. */
  async #promote(): Promise<void> {
    const { store, spec } = this.#options
    const newest = this.#kept[0]!
    if (newest.subscription.position < this.#target) return
    if (!(await store.readModel.serve(spec.name, newest.table.name))) return
    this.#serve(newest)
    this.#isSettled = true
  }

  /** A rebuild elsewhere lets a table of the same version serve: from then on that is read, and kept. */
  async #follow(): Promise<void> {
    const { store, spec } = this.#options
    const serving = await store.readModel.serving(spec.name)
    if (serving === null || serving === this.#serving?.table.name || !isTableOf(spec, serving)) return
    const [old, ...before] = this.#kept
    const rebuilt = this.#keep(spec, serving)
    // It is there, but this process has not written to it yet.
    await store.readModel.prepare([rebuilt.table])
    rebuilt.subscription.learn(await this.#position(serving))
    this.#kept = [rebuilt, ...before]
    this.#serve(rebuilt)
    rebuilt.subscription.start()
    await old!.subscription.close()
  }
}

/** A version and all before it; what is behind one that is frozen is too. */
function versionsOf(spec: ProjectionSpec, isFrozen = false): readonly Pick<Kept, 'spec' | 'isFrozen'>[] {
  return [{ spec, isFrozen }, ...(spec.previous ? versionsOf(spec.previous, isFrozen || spec.frozen) : [])]
}

/** Whether a table is of this version: its own, or one that a rebuild filled. */
export function isTableOf(spec: ProjectionSpec, name: string): boolean {
  const own = tableOf(spec)
  return name === own || (name.startsWith(`${own}_g`) && /^\d+$/.test(name.slice(own.length + 2)))
}
