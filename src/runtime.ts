// Wires the parts of an app over one store: commands, the agenda that sends later, questions, and the events that move
// rows.
import { settleOrAbort } from './lib/deadline.ts'
import type { Invalidation } from './query/invalidation.ts'
import { openCaches } from './query/open-caches.ts'
import type { QueryAnswers } from './query/query-answers.ts'
import type { RowAnswers } from './query/row-answers.ts'
import type { RowChanges } from './query/row-changes.ts'
import { streamReads } from './query/stream-events.ts'
import { typedReads } from './query/typed-answers.ts'
import type { Bus } from './ports/bus/bus.ts'
import { memoryBus } from './ports/bus/memory.ts'
import type { Cache } from './ports/cache/cache.ts'
import { wireQuestions } from './query/wire-questions.ts'
import type { Purger } from './ports/purger/purger.ts'
import { type Definitions, runningOf, type Served, sortDefinitions } from './definitions/definition.ts'
import { type CommandOptions, type Commands, commands } from './dispatch/commands.ts'
import type { AnyEvents, Recorded } from './definitions/event/events.ts'
import type { In } from './definitions/event/families.ts'
import { subscriptionOf } from './definitions/process/instance.ts'
import type { Reads } from './definitions/reads.ts'
import { scheduleOwner } from './definitions/schedule.ts'
import { Recurring } from './agenda/recurring.ts'
import { Schedule } from './agenda/schedule.ts'
import { entrySender, sendForEvent } from './agenda/send-entry.ts'
import { Sender } from './agenda/sender.ts'
import { Baggages } from './ports/trace/baggage.ts'
import { TraceReach } from './agenda/trace-reach.ts'
import { memory } from './ports/store/memory.ts'
import type { Store } from './ports/store/store.ts'
import { writeRowsInline } from './dispatch/inline-rows.ts'
import { LogHealth } from './dispatch/log-health.ts'
import { observeTogether, recordCommands } from './dispatch/record-commands.ts'
import { RefusalLog, type RefusalParts, type RefusalReads } from './dispatch/refusal-log.ts'
import { type StallWatch, watchStalls } from './stalls/watch.ts'
import { type PromiseWatch, watchPromises } from './subscription/promises/promise-watch.ts'
import { watchFindings } from './subscription/findings/finding-watch.ts'
import { type FollowOptions, follow } from './subscription/follow.ts'
import { feelAtOnce, Operations } from './subscription/operations.ts'
import { refuseRestoredLog } from './subscription/past-head.ts'
import { settleStarts } from './subscription/starts.ts'
import type { Status } from './subscription/status.ts'
import { Subscriptions } from './subscription/subscriptions.ts'
import { checkReading } from './subscription/unreadable-events.ts'
import { type Tail, tail } from './subscription/tail.ts'
import { measureCommands } from './metrics/commands.ts'
import { observeRuntime } from './metrics/gauges.ts'
import { observeMeasures } from './metrics/measures.ts'
import { listenerNotice, reportUnanswered } from './dispatch/notices.ts'
import { measureReport, measureTrace } from './metrics/measured.ts'
import { checkOptions, type OptionKinds, RUNTIME_OPTIONS } from './definitions/options.ts'
import { observeInstances } from './metrics/process-instances.ts'
import { Metrics } from './metrics/registry.ts'
import { sampleForDetectors } from './metrics/sample-detectors.ts'
import { measureStore } from './metrics/store.ts'
import { type Trace, untraced } from './ports/trace/trace.ts'
import type { Report } from './ports/report/notice.ts'
import { printReports } from './ports/report/print.ts'

/** Only `serve` is required. `states` bounds the states in memory, `queue` the waiting commands. */
export type RuntimeOptions = Pick<CommandOptions, 'states' | 'queue'> & {
  /** The deciders, projections, SQL projections, processors, processes, queries and schedules to serve. */
  readonly serve: readonly Served[]
  /** Keeps the log and the rows. Default: `memory()`, which forgets them at the end of the process. */
  readonly store?: Store
  /** Carries pages of events to whoever listens in this process. Default: `memoryBus()`. */
  readonly bus?: Bus
  /** Records traces. Default: `untraced`, which records nothing and costs nothing. */
  readonly trace?: Trace
  /** The clock for `decide`, in ms since 1970. Default: the machine's clock. */
  readonly now?: () => number
  /**
   * Makes a cache of answers that several processes share. It comes after the cache in memory. `prefix` names the log.
   * Default: none.
   */
  readonly cache?: (prefix: string) => Cache | Promise<Cache>
  /** Purges the answers in a CDN in front of this app. Default: there is no CDN. */
  readonly cdn?: Purger
  /**
   * How long a lease holds after its process died, in ms. Then another process takes over its subscriptions. Default: 5
   * 000.
   */
  readonly leaseMs?: number
  /**
   * How long `close` waits for what runs, such as a handler that takes no signal, in ms. Then the leases are given up, and
   * another process handles those events again. Default: 8 000.
   */
  readonly shutdownGraceMs?: number
  /**
   * What happens where the log holds events that this release cannot read. `refuse`: the start is refused, with the
   * type, the path and an example. `serve`: it is reported, and what reads such an event fails or is parked. Default:
   * `refuse`.
   */
  readonly unreadableEvents?: 'refuse' | 'serve'
  /** Whether refused commands are recorded for a week, without their data. Default: true. */
  readonly refusals?: boolean
  /**
   * Takes what no caller waits for: a `Notice`, such as that a key was parked, or an error that nobody expected. Default:
   * it prints one JSON record a line on standard error, and on a terminal a text that is easy to read.
   */
  readonly report?: Report
}

/** A running app without HTTP. */
export type Runtime = Pick<Commands, 'send' | 'append'> &
  Omit<Operations, 'status'> &
  Reads &
  RefusalReads & {
    /**
     * Reads events in the order of the log, without a checkpoint: from `start` on, to `until` or as the log grows. Break
     * out of the loop, or abort the `signal`, to end it. Each node that follows gets all events. What the caller does not
     * take yet waits in the log. A log that is away is read again. Throws UnreadableEvent.
     *
     * @example
     * for await (const event of emaki.follow({ from: Order, types: ['Placed'], start: 'beginning', until: 'head' })) …
     */
    readonly follow: <F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
      options: FollowOptions<F, T>,
    ) => AsyncGenerator<Recorded<Extract<In<F>, { readonly type: T }>>>
    /** Gives the position, the lag and the parked keys of every subscription, whichever process runs it. */
    readonly status: () => Promise<readonly Status[]>
    /**
     * Waits until all subscriptions, or those named, have processed everything up to a position. False: they have not
     * within `timeoutMs` (5 000 by default).
     */
    readonly waitUntilProcessed: (position: number, names?: readonly string[], timeoutMs?: number) => Promise<boolean>
    /**
     * Makes answers with one of these tags out of date, because something outside of the log has changed. This reaches
     * the CDN, the shared cache and the memory of this process. The memory of another process keeps its answers until
     * their time is over. Until the log grows, such answers are built for each caller, because no position tells an
     * answer before the change from one after it.
     */
    readonly invalidate: (tags: readonly string[]) => Promise<void>
    /**
     * Looks now for timers and commands that are due, and not only every second: for a clock or an agenda that a test has
     * moved.
     */
    readonly pollAgenda: () => void
    readonly store: Store
    /**
     * Takes no more commands, answers those that it has, saves all folded rows, and closes the store. Handlers of events
     * have `shutdownGraceMs` to end.
     */
    readonly close: () => Promise<void>
  }

/** The metrics of the app, which also measure its report. Default: those of the runtime alone. */
type ServiceOptions = RuntimeOptions & { readonly metrics?: Metrics }

/** A runtime with its parts, for routes, the command line and tests of our own. */
export type Services = Runtime &
  Commands &
  RefusalParts &
  Shared & {
    /** Commands to be sent later, or now without a waiting caller. */
    readonly schedule: Schedule
    readonly stalls: StallWatch
    readonly rowAnswers: RowAnswers
    readonly queryAnswers: QueryAnswers
    readonly rowChanges: RowChanges
    readonly subscriptions: Subscriptions
    readonly promises: PromiseWatch
    readonly tail: Tail
  }

/** The parts that every side uses. */
type Shared = {
  readonly definitions: Definitions
  readonly store: Store
  readonly bus: Bus
  readonly trace: Trace
  readonly reach: TraceReach
  readonly baggages: Baggages
  readonly metrics: Metrics
  readonly now: () => number
  readonly report: Report
  readonly health: LogHealth
  /** Names this process as the owner of leases. */
  readonly owner: string
  readonly leaseMs: number
}

export const LEASE_MS = 5_000
const SHUTDOWN_GRACE_MS = 8_000

/**
 * Opens the store and runs the definitions, without HTTP.
 *
 * @example
 * const emaki = await runtime({ serve: [order, orders], store: sqlite('data/orders.db') })
 * const sent = await emaki.send(order.place('o1', { customerId: 'c1', items: [] }))
 * const row = sent.outcome === 'accepted' ? await emaki.row(orders, 'o1', { atLeast: sent.position }) : null
 */
export async function runtime(options: RuntimeOptions): Promise<Runtime> {
  checkOptions('runtime', options, RUNTIME_OPTIONS satisfies OptionKinds<keyof RuntimeOptions>)
  return startServices(options)
}

/** Starts what `runtime` starts, and gives access to the parts. */
export async function startServices(options: ServiceOptions): Promise<Services> {
  const shared = await openShared(options)
  const { store } = shared
  const sending = wireCommands(options, shared)
  const agenda = wireAgenda(shared, sending)
  const caches = await openCaches(options, shared)
  const events = wireEvents(shared, { sending, senders: agenda.senders, invalidation: caches.invalidation, reads: () => reads })
  const questions = wireQuestions(shared, { ...caches, ...events.parts })
  const reads: Reads = {
    ...typedReads(questions.rowAnswers, questions.queryAnswers),
    ...streamReads(store),
    state: sending.state,
  }
  await events.start()
  agenda.start()
  const closing = new AbortController()
  const endMetrics = observeRuntime(shared.metrics, store.agenda, {
    ...sending,
    status: () => events.parts.subscriptions.status(),
    head: () => events.parts.tail.head,
  })
  const operations = new Operations(store, options.serve.map(runningOf))
  const stalls = watchStalls({ ...shared, subscriptions: events.parts.subscriptions })
  return {
    ...shared,
    ...sending,
    ...operations,
    ...feelAtOnce(operations, [events.parts.subscriptions, agenda]),
    schedule: agenda.schedule,
    stalls: stalls.watch,
    ...events.parts,
    rowChanges: caches.rowChanges,
    ...questions,
    ...reads,
    status: () => events.parts.subscriptions.status(),
    follow: options => follow({ ...shared, tail: events.parts.tail, closing: closing.signal }, options),
    waitUntilProcessed: (position, names, timeoutMs) => events.parts.subscriptions.waitUntilProcessed(position, names, timeoutMs),
    invalidate: async tags => {
      // The tail follows the log from here on, so a later answer has a later position.
      await events.parts.tail.start()
      await caches.invalidation.invalidateTags(tags, (await store.head()) + 1)
    },
    pollAgenda: agenda.poll,
    close: async () => {
      const over = new AbortController()
      closing.abort()
      endMetrics()
      const timer = setTimeout(() => over.abort(), options.shutdownGraceMs ?? SHUTDOWN_GRACE_MS)
      await settleOrAbort(sending.close(), over.signal)
      reportUnanswered(sending.waiting(), shared.report)
      await settleOrAbort(agenda.close(), over.signal)
      await events.close(over.signal)
      clearTimeout(timer)
      await caches.invalidation.close()
      await stalls.end()
      await store.close()
    },
  }
}

async function openShared(options: ServiceOptions): Promise<Shared> {
  const { now = Date.now, leaseMs = LEASE_MS, metrics = new Metrics() } = options
  const trace = measureTrace(options.trace ?? untraced, metrics)
  const store = measureStore(options.store ?? memory(), metrics, trace)
  const reported = options.report ?? printReports()
  const report = options.metrics ? reported : measureReport(reported, metrics)
  const definitions = sortDefinitions(options.serve)
  const sqlProjections = [...definitions['sql-projection'].keys()]
  if (store.system === 'memory' && sqlProjections.length)
    throw new TypeError(`memory() has no SQL for ${sqlProjections.join(', ')}: use sqlite() or postgres()`)
  const owner = `${process.pid}.${Bun.randomUUIDv7()}`
  await store.open()
  try {
    await store.ping()
    await refuseRestoredLog(store, definitions)
    await checkReading({ store, report, unreadableEvents: options.unreadableEvents ?? 'refuse' }, definitions)
    await settleStarts(store, definitions, owner)
  } catch (error) {
    await store.close()
    throw error
  }
  return {
    definitions,
    store,
    bus: options.bus ?? memoryBus(cause => report(listenerNotice(cause))),
    trace,
    reach: new TraceReach(),
    baggages: new Baggages(report),
    metrics,
    now,
    report,
    health: new LogHealth(store, report),
    owner,
    leaseMs,
  }
}

/** The command's path: send, load, decide, append. Beside it, those who were refused are noted. */
function wireCommands(options: RuntimeOptions, shared: Shared): Commands & RefusalParts {
  const { decider, process } = shared.definitions
  const families = new Map([...process.values()].map(({ name, own }) => [name, own]))
  const refusalLog = new RefusalLog({ ...shared, refusals: shared.store.refusals, isOn: options.refusals })
  const observer = refusalLog.observe(observeTogether([measureCommands(shared.metrics), recordCommands(shared.report)]))
  const store = writeRowsInline(shared.health.observeAppends(), [...shared.definitions.projection.values()], shared.report)
  const sending = commands({ ...options, ...shared, observer, store, deciders: decider, families })
  const close = () => sending.close().then(() => refusalLog.close())
  return { ...sending, refusalLog, refusals: asked => refusalLog.list(asked), close }
}

/** Sends due entries: scheduled commands, those of recurring schedules, and the commands and timers of processes. */
function wireAgenda(
  { definitions, store, owner, leaseMs, trace, metrics, reach, baggages, report }: Shared,
  { send, check, append }: Commands,
) {
  const recurring = [...definitions.schedule.values()].map(
    one => new Recurring(one, { store, send, owner, leaseMs, trace, report }),
  )
  const schedules = new Set([...definitions.schedule.values()].map(scheduleOwner))
  const schedule = new Schedule({ store, send, check, owner, leaseMs, schedules, trace, report })
  const senders = [...definitions.process.values()].map(process => {
    const sendDue = entrySender(process, { send, append, trace, reach, baggages, report })
    const lateness = metrics.histogram('emaki.timer.lateness', process.name)
    const noteTimer = (lateMs: number) => lateness.record(lateMs / 1_000)
    const options = { agenda: store.agenda, owner: subscriptionOf(process), send: sendDue, noteTimer, report }
    return [process, new Sender(options)] as const
  })
  return {
    schedule,
    senders,
    start: () => {
      if (definitions.decider.size) schedule.start()
      for (const one of recurring) one.start()
    },
    poll: () => {
      for (const [, sender] of senders) sender.poll()
      for (const one of recurring) one.poll()
    },
    takeLeases: () => {
      for (const one of recurring) one.takeLease()
    },
    close: async () => {
      await Promise.all([schedule.close(), ...recurring.map(one => one.close())])
    },
  }
}

type EventParts = {
  readonly sending: Commands
  readonly senders: ReturnType<typeof wireAgenda>['senders']
  readonly invalidation: Invalidation
  /** The reads of handlers. They read what subscriptions fold, and so they are made after these. */
  readonly reads: () => Reads
}

/** The event's path: the tail of the log, and the subscriptions that move rows, processors and processes on. */
function wireEvents(shared: Shared, { sending, senders, invalidation, reads }: EventParts) {
  const { definitions } = shared
  const following = tail(shared)
  const projections = [...definitions.projection.values()]
  const processors = [...definitions.processor.values()]
  const sqlProjections = [...definitions['sql-projection'].values()]
  const subscriptions = new Subscriptions({
    ...shared,
    tail: following,
    projections,
    processors,
    reads,
    send: (...sent) => sendForEvent({ ...shared, ...sending }, ...sent),
    sqlProjections,
    schedules: [...definitions.schedule.values()],
    processes: senders,
    onRowsChanged: (table, position, changes) => invalidation.invalidateRows(table, position, changes),
    onCheckpoint: (table, position) => invalidation.invalidateTable(table, position),
  })
  const endMeasures = observeMeasures(shared, subscriptions)
  const over = new AbortController()
  observeInstances({ ...shared, signal: over.signal }, [...definitions.process.values()])
  const findings = watchFindings(shared, subscriptions)
  const sampler = sampleForDetectors(shared, subscriptions)
  const promises = watchPromises(shared, subscriptions)
  const hasSubscriptions = projections.some(({ live }) => !live) || processors.length + sqlProjections.length + senders.length > 0
  return {
    parts: { tail: following, subscriptions, promises },
    start: async () => {
      promises.start()
      if (!hasSubscriptions) return
      await following.start()
      await subscriptions.start()
      findings.start()
      sampler?.start()
    },
    close: async (ending: AbortSignal) => {
      endMeasures()
      over.abort()
      const watches = [findings, promises].map(one => settleOrAbort(one.close(), ending))
      await Promise.all([...watches, subscriptions.close(ending)])
      if (sampler) await settleOrAbort(sampler.close(), ending)
      await following.close()
    },
  }
}
