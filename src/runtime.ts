// What a user starts: definitions and a store in; commands, rows and answers out. HTTP is one way to ask it.
import { Answers } from './answer/answers.ts'
import { RowChanges } from './answer/row-changes.ts'
import { tableOfTag, tagsOfChange } from './answer/rows.ts'
import type { Bus } from './bus/bus.ts'
import { memoryBus } from './bus/memory.ts'
import type { Cache } from './cache/cache.ts'
import { filling } from './cache/fill.ts'
import { memoryCache } from './cache/memory.ts'
import { tiered } from './cache/tiered.ts'
import { batched } from './cdn/batched.ts'
import type { Purger } from './cdn/purger.ts'
import type { DeciderSpec } from './decider/decider.ts'
import { type CommandOptions, type Commands, commands } from './dispatch/commands.ts'
import { spec } from './event/events.ts'
import type { ProcessSpec } from './process/process.ts'
import { subscriptionOf } from './process/instance.ts'
import { Schedule } from './relay/schedule.ts'
import { entrySender, sendForEvent } from './relay/send-entry.ts'
import { Sender } from './relay/sender.ts'
import type { ProcessorSpec } from './processor/processor.ts'
import { type ProjectionSpec, projectionOf } from './projection/projection.ts'
import type { SqlProjectionSpec } from './projection/sql-projection.ts'
import type { QuerySpec } from './query/query.ts'
import { memory } from './store/memory.ts'
import { type Store, StoreError } from './store/store.ts'
import { pastHead } from './subscription/past-head.ts'
import { type Status, Subscriptions } from './subscription/subscriptions.ts'
import { type Tail, tail } from './subscription/tail.ts'
import { type Trace, untraced } from './trace/trace.ts'

/** Anything that can be served. */
export type Served = { readonly [spec]: { readonly kind: string; readonly name: string } }

export type RuntimeOptions = Pick<CommandOptions, 'states' | 'queue'> & {
  /** Deciders, projections, processors and queries. */
  readonly serve: readonly Served[]
  /** Where the log is, and the rows. Default: `memory()`, which forgets at the end of the process. */
  readonly store?: Store
  readonly bus?: Bus
  /** Default: nothing is traced, and it costs nothing. */
  readonly trace?: Trace
  /** The clock that `decide` is given, in ms since 1970. Default: the machine's. */
  readonly now?: () => number
  /** A cache of answers that processes share, beside that in memory; `prefix` names the log. Default: none. */
  readonly cache?: (prefix: string) => Cache | Promise<Cache>
  /** What keeps answers in front of this app: it is told which tags have changed. Default: nothing is in front. */
  readonly cdn?: Purger
  /** How long another process waits, after one has died, before it takes its subscriptions over, in ms. Default: 5 000. */
  readonly leaseMs?: number
  /** Told of failures that no caller waits for. Default: console.error. */
  readonly report?: (error: unknown) => void
}

export type Runtime = Commands & {
  readonly projections: ReadonlyMap<string, ProjectionSpec>
  readonly queries: ReadonlyMap<string, QuerySpec>
  readonly processes: ReadonlyMap<string, ProcessSpec>
  readonly answers: Answers
  /** Commands that are sent later, or now without being waited for. */
  readonly schedule: Schedule
  readonly subscriptions: Subscriptions
  readonly rowChanges: RowChanges
  /** Follows the head of the log. */
  readonly tail: Tail
  /** Where each projection and processor is, whichever process moves it on. */
  readonly status: () => Promise<readonly Status[]>
  /** Waits until all projections and processors, or those named, have passed a position; false: not within the time (5 000 ms by default). */
  readonly seen: (position: number, names?: readonly string[], timeoutMs?: number) => Promise<boolean>
  /**
   * Has a projection begin anew, or a processor go on from a position, whichever process runs it: what it handled after that is handled
   * again. A projection's position is 0, the default, as its rows are the fold of all before.
   */
  readonly reset: (name: string, position?: number) => Promise<void>
  /**
   * Makes answers that carry one of these tags out of date, such as those that a query's policy gives them, because of something that is not
   * in the log. They are made anew, and not kept before the log has gone on, as none of its positions tells what was made before from what was
   * made after. The CDN and the shared cache are told, and the memory of this process; another's gives what it has until its time is over.
   */
  readonly invalidate: (tags: readonly string[]) => Promise<void>
  /** Has the agenda asked now for what processes want sent: its clock was moved, or others have changed it. Else it is asked every second. */
  readonly look: () => void
  readonly store: Store
  readonly bus: Bus
  readonly trace: Trace
  /** Takes no more commands, answers those it took, keeps what was folded, closes the store. */
  readonly close: () => Promise<void>
}

export const LEASE_MS = 5_000

/**
 * Opens the store and runs what is served, without HTTP.
 *
 * @example
 * const emaki = await runtime({ serve: [order, orders], store: sqlite('data/orders.db') })
 * const sent = await emaki.send(order.place('o1', { customerId: 'c1', items: [] }))
 */
export async function runtime(options: RuntimeOptions): Promise<Runtime> {
  const { serve, store = memory(), trace = untraced, now = Date.now, report = console.error, leaseMs = LEASE_MS } = options
  const definitions = sorted(serve)
  const bus = options.bus ?? memoryBus(report)
  if (store.system === 'memory' && definitions['sql-projection'].size)
    throw new TypeError(
      `memory() has no SQL for ${[...definitions['sql-projection'].keys()].join(', ')}: use sqlite() or postgres()`,
    )
  await store.open()
  await checkHead(store, [...definitions.processor.values()])
  const processes = [...definitions.process.values()]
  for (const one of processes) checkSent(one, definitions.decider)
  const families = new Map(processes.map(({ name, own }) => [name, own]))
  const sending = commands({ ...options, deciders: definitions.decider, families, store, bus, trace, now, report })
  const following = tail({ store, bus, report })
  const projections = [...definitions.projection.values()]
  const processors = [...definitions.processor.values()]
  const sqlProjections = [...definitions['sql-projection'].values()]
  const near = memoryCache({ now })
  const shared = await options.cache?.(`${store.identity.id}.${store.identity.epoch}`)
  const cache = shared ? tiered([near, shared]) : near
  const rowChanges = new RowChanges()
  const purging = options.cdn && batched(options.cdn, { wholeOf: tableOfTag, report })
  const owner = `${process.pid}.${Bun.randomUUIDv7()}`
  const schedule = new Schedule({ store, send: sending.send, check: sending.check, owner, leaseMs, trace, report })
  const senders = processes.map(one => {
    const send = entrySender(one, { ...sending, trace })
    return [one, new Sender({ agenda: store.agenda, owner: subscriptionOf(one), send, report })] as const
  })
  const subscriptions = new Subscriptions({
    store,
    owner,
    tail: following,
    projections,
    processors,
    send: (command, key, event) => sendForEvent({ ...sending, trace }, command, key, event),
    sqlProjections,
    processes: senders,
    leaseMs,
    changed: async (table, position, changes) => {
      const tags = changes ? [...new Set(changes.flatMap(change => tagsOfChange(table, change)))] : [table.name]
      await cache.raise(tags, position)
      purging?.add(tags)
      rowChanges.tell(projectionOf(table.name), changes)
    },
    // Which rows another process changed is not heard of here; the cache that they share has been told by that process.
    heard: (table, position) => {
      void near.raise([table], position)
      rowChanges.tell(projectionOf(table), null)
    },
    trace,
    report,
    now,
  })
  const isFollowing = projections.some(({ live }) => !live) || processors.length + sqlProjections.length + processes.length > 0
  if (isFollowing) await following.start()
  if (isFollowing) await subscriptions.start()
  if (definitions.decider.size) schedule.start()
  return {
    ...sending,
    projections: definitions.projection,
    queries: definitions.query,
    processes: definitions.process,
    answers: new Answers({
      store,
      subscriptions,
      filling: filling(cache, { now, report }),
      head: () => following.head,
      trace,
      report,
    }),
    schedule,
    subscriptions,
    rowChanges,
    tail: following,
    status: () => subscriptions.status(),
    reset: async (name, position = 0) => {
      if (position !== 0 && !definitions.processor.has(name))
        throw new TypeError(`${name} keeps rows: it begins anew at 0, or not at all`)
      await subscriptions.reset(name, position)
    },
    invalidate: async tags => {
      // Once it is followed, what is made later is known to be later.
      await following.start()
      await cache.raise(tags, (await store.head()) + 1)
      purging?.add(tags)
    },
    seen: (position, names, timeoutMs) => subscriptions.seen(position, names, timeoutMs),
    look: () => {
      for (const [, sender] of senders) sender.poll()
    },
    store,
    bus,
    trace,
    close: async () => {
      await sending.close()
      await schedule.close()
      await subscriptions.close()
      await following.close()
      await cache.close()
      await purging?.close()
      await store.close()
    },
  }
}

type Definitions = {
  readonly decider: Map<string, DeciderSpec>
  readonly projection: Map<string, ProjectionSpec>
  readonly processor: Map<string, ProcessorSpec>
  readonly query: Map<string, QuerySpec>
  readonly 'sql-projection': Map<string, SqlProjectionSpec>
  readonly process: Map<string, ProcessSpec>
}
type Definition = DeciderSpec | ProjectionSpec | ProcessorSpec | ProcessSpec | QuerySpec | SqlProjectionSpec

/** Refuses a log that was restored alone. */
async function checkHead(store: Store, processors: readonly ProcessorSpec[]): Promise<void> {
  const { head, past } = await pastHead(store)
  // One may begin where the log has not come to yet.
  const starts = new Map(processors.map(({ name, start }) => [name, start]))
  const wrong = past.filter(({ name, position }) => starts.get(name) !== position)
  if (!wrong.length) return
  await store.close()
  const places = wrong.map(({ name, position }) => `${name}, at ${position}`).join('; ')
  throw new StoreError(
    'refused',
    `the log ends at ${head}, before ${places}: where it was restored, run \`emaki restore\` to go on from there`,
  )
}

/** What a process sends to has to be there, and its own streams are nobody else's. */
function checkSent({ name, to }: ProcessSpec, deciders: ReadonlyMap<string, DeciderSpec>): void {
  const missing = [...to].find(decider => !deciders.has(decider))
  if (missing !== undefined) throw new TypeError(`the process ${name} sends to ${missing}, which is not served`)
  if (deciders.has(name)) throw new TypeError(`the process and the decider ${name} would have one category: ${name}`)
}

function sorted(serve: readonly Served[]): Definitions {
  const found: Definitions = {
    decider: new Map(),
    projection: new Map(),
    processor: new Map(),
    query: new Map(),
    'sql-projection': new Map(),
    process: new Map(),
  }
  for (const served of serve) {
    // `serve` takes every kind of definition; what it is, its spec says.
    const definition = served[spec] as Definition
    const of = found[definition?.kind] as Map<string, Definition> | undefined
    if (!of)
      throw new TypeError(
        `serve takes deciders, projections, processors, processes and queries; found ${definition?.kind ?? typeof served}`,
      )
    if (of.has(definition.name)) throw new TypeError(`two ${definition.kind}s are named ${definition.name}`)
    of.set(definition.name, definition)
  }
  return found
}
