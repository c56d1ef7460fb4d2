// Admits commands and holds their bounds: one queue for each stream, the states in memory, and an orderly end.
import { LRUCache } from 'lru-cache'
import type { Bus } from '../ports/bus/bus.ts'
import { encode } from '../definitions/event/payload.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Trace } from '../ports/trace/trace.ts'
import type { PendingAppend } from './append-batch.ts'
import { type Appendable, type Appended, Appender } from './appender.ts'
import { CommandLoop } from './command-loop.ts'
import { type Committed, pagesOf } from './committed-pages.ts'
import type { CommandObserver } from './observer.ts'
import { KeyLeaders } from './key-leaders.ts'
import { type Loadable, Loader } from './loader.ts'
import { NewnessAverage } from './newness.ts'
import { type Outcome, type Refused, UNAVAILABLE } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'
import { needsPreparation, Preparer } from './preparer.ts'
import { assumeNew, openQueue, type RestingStream, restingStream, type StreamQueue, takeLate } from './stream-queue.ts'
import type { StreamState } from './stream-state.ts'

/** How often late commands are looked for among the waiting ones, in ms. */
const SWEEP_MS = 50

export type DispatcherOptions = {
  readonly store: Store
  readonly bus: Bus
  readonly trace: Trace
  readonly observer: CommandObserver
  readonly now: () => number
  /** Called with failures that no caller waits for. */
  readonly report: Report
  readonly cache: { readonly entries: number; readonly size: number }
  readonly queue: { readonly commands: number; readonly size: number }
}

/** The outcome of a command; null: it failed. */
type Ended = Outcome | Refused | null

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #appender: Appender
  readonly #loader: Loader
  readonly #loop: CommandLoop
  readonly #preparer: Preparer
  readonly #newness = new NewnessAverage()
  readonly #keys = new KeyLeaders()
  readonly #queues = new Map<string, StreamQueue>()
  readonly #resting: LRUCache<string, RestingStream>
  readonly #saving = new Set<Promise<void>>()
  #arrivals = 0
  #waiting = { commands: 0, size: 0 }
  /** The commands that wait, in the order in which they came. */
  readonly #pending = new Set<PendingCommand>()
  #sweeper: Timer | null = null
  #isClosing = false
  #onIdle: (() => void)[] = []

  constructor(options: DispatcherOptions) {
    const { store, trace, now, cache } = options
    this.#options = options
    this.#preparer = new Preparer(options)
    this.#appender = new Appender(store, trace, committed => this.#publish(committed))
    this.#loader = new Loader(store, trace, options.observer, () => this.#arrivals)
    this.#resting = new LRUCache({
      max: cache.entries,
      maxSize: cache.size,
      sizeCalculation: ({ state }) => state.size + 1,
    })
    this.#loop = new CommandLoop({
      store,
      trace,
      now,
      loader: this.#loader,
      appender: this.#appender,
      newness: this.#newness,
      getState: stream => this.getState(stream),
      loadState: wanted => this.loadState(wanted),
      saveSnapshot: (queue, state) => this.#saveSnapshot(queue, state),
      onIdle: queue => this.#closeQueue(queue),
    })
  }

  /** How many commands wait for their outcome. */
  get waiting(): number {
    return this.#waiting.commands
  }

  /** How long the oldest command waits for its outcome, in ms. 0: none does. */
  get waitingMs(): number {
    const [oldest] = this.#pending
    return oldest ? performance.now() - oldest.sentAt : 0
  }

  /**
   * Puts a command into the queue of its stream. `create` gets its arrival number, and the function to call at its end
   * with its outcome; null: it failed.
   */
  enqueue(create: (arrival: number, onEnd: (outcome: Ended) => void) => PendingCommand): void {
    const command = create(this.#arrivals++, outcome => this.#endCommand(command, outcome))
    const isFull = this.#isFull(command.size)
    this.#waiting.commands++
    this.#waiting.size += command.size
    this.#pending.add(command)
    if (isFull) return command.answer(UNAVAILABLE)
    this.#sweepSoon()
    if (needsPreparation(command)) void this.#prepare(command)
    else this.#admit(command)
  }

  /** Puts an append over several streams into a batch. Null: it was late, or there is no room for it. */
  async append(appendable: Appendable<PendingAppend>): Promise<Appended<PendingAppend> | null> {
    if (this.#isFull(0)) return null
    this.#waiting.commands++
    this.#sweepSoon()
    for (const stream of appendable.streams) this.#rest(stream, { isBehind: true })
    try {
      return await this.#appender.append(appendable)
    } finally {
      this.#waiting.commands--
      this.#noticeIdle()
    }
  }

  /** The state of a stream in memory, however old. */
  getState(stream: string): StreamState | null {
    return this.#queues.get(stream)?.state ?? this.#resting.get(stream)?.state ?? null
  }

  /** Reads on from the state in memory. The read is also the confirmation, and most often finds nothing new. */
  async loadState(wanted: Loadable): Promise<StreamState> {
    const { state } = await this.#loader.load(wanted)
    if (state.version > (this.getState(wanted.stream)?.version ?? 0)) this.#rest(wanted.stream, { state, isBehind: false })
    return state
  }

  /** Takes no more commands. Resolves when those that it has are answered. */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.#waiting.commands > 0) await new Promise<void>(resolve => this.#onIdle.push(resolve))
    await this.#appender.waitUntilDrained()
    await Promise.all(this.#saving)
    if (this.#sweeper) clearInterval(this.#sweeper)
  }

  #isFull(size: number): boolean {
    const { queue } = this.#options
    return this.#isClosing || this.#waiting.commands >= queue.commands || this.#waiting.size + size > queue.size
  }

  /** A command joins its stream only once what it needs is there, so others may overtake it. */
  async #prepare(command: PendingCommand): Promise<void> {
    if (await this.#preparer.prepare(command)) this.#admit(command)
  }

  #admit(command: PendingCommand): void {
    if (this.#keys.follow(command)) return
    const { stream, decider } = command
    const queue = this.#queues.get(stream)
    if (queue) return void queue.commands.push(command)
    const opened = openQueue(stream, decider, this.#resting.get(stream) ?? null)
    this.#queues.set(stream, opened)
    opened.commands.push(command)
    const isNew = opened.state === null && !decider.snapshot && this.#newness.isLikelyNew(command)
    this.#options.observer.opened(decider, isNew ? 'new' : opened.state ? 'hit' : 'miss')
    if (isNew) assumeNew(opened)
    void this.#loop.run(opened)
  }

  /** Drops a queue without commands. What is known of its stream stays in memory. */
  #closeQueue(queue: StreamQueue): void {
    this.#queues.delete(queue.stream)
    const resting = restingStream(queue)
    if (resting) this.#resting.set(queue.stream, resting)
    else this.#resting.delete(queue.stream)
  }

  /** Remembers something of a stream, if its state is known. */
  #rest(stream: string, known: Partial<RestingStream>): void {
    const { state, ...rest } = { state: null, isBehind: false, strain: 0, wins: 0, ...this.#resting.get(stream), ...known }
    if (state) this.#resting.set(stream, { state, ...rest })
  }

  #endCommand(command: PendingCommand, outcome: Ended): void {
    this.#options.observer.ended(command, outcome)
    this.#waiting.commands--
    this.#waiting.size -= command.size
    this.#pending.delete(command)
    for (const follower of this.#keys.end(command)) this.#admit(follower)
    this.#noticeIdle()
  }

  #noticeIdle(): void {
    if (this.#waiting.commands === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  /** Publishes in this process, and tells other processes that the log has grown. */
  #publish(committed: readonly Committed[]): void {
    if (!committed.length) return
    const { store, bus, trace, report, observer } = this.#options
    observer.committed(committed)
    try {
      if (bus.listeners > 0)
        for (const { page, parents } of pagesOf(committed))
          trace.step('publish', parents, { 'emaki.events': page.length }, () => bus.publish(page))
    } catch (cause) {
      const message = `Listeners of this process did not get a page of events, and read it from the log: ${String(cause)}`
      report(new Notice({ level: 'error', code: 'publish-failed', message, cause }))
    }
    store.announce(committed.reduce((head, { slice }) => Math.max(head, slice.position), 0))
  }

  #saveSnapshot({ stream, decider }: StreamQueue, { version, state }: StreamState): void {
    const { store, report } = this.#options
    const { fold } = decider.snapshot!
    const save = async () => store.saveSnapshots([{ stream, fold, version, state: encode(state) }])
    const noteFailure = (cause: unknown) => {
      const message = `${stream}: the snapshot of version ${version} was not saved: ${String(cause)}. The next one is tried.`
      report(new Notice({ level: 'error', code: 'snapshot-failed', message, fields: { stream, version }, cause }))
    }
    const saving = new Promise<void>(resolve => setImmediate(() => save().catch(noteFailure).finally(resolve)))
    this.#saving.add(saving)
    void saving.then(() => this.#saving.delete(saving))
  }

  #sweepSoon(): void {
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS)
  }

  /** Ends the late commands that wait. Commands in a batch are not abandoned. */
  #sweep(): void {
    const now = performance.now()
    for (const queue of this.#queues.values()) for (const command of takeLate(queue, now)) command.answer(UNAVAILABLE)
    for (const command of this.#keys.takeLate(now)) command.answer(UNAVAILABLE)
    this.#appender.endLate(now)
    if (this.#waiting.commands > 0) return
    clearInterval(this.#sweeper!)
    this.#sweeper = null
  }
}
