// One subscription: acquires its lease, reads on from its checkpoint, gives each page to a consumer, and saves the
// effects.
import { tracePage } from './trace-page.ts'
import { backOff } from '../lib/back-off.ts'
import { settleOrAbort } from '../lib/deadline.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { Episode } from '../ports/report/episode.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { Filter } from '../ports/store/log.ts'
import type { Store } from '../ports/store/store.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { Caution, Fenced, SMALL_PAGE_EVENTS, withBlamedSuspect } from './caution.ts'
import type { Consumer, PageGuard } from './consumer.ts'
import { causeOf } from './parking.ts'
import { type LogPage, Reader } from './reader.ts'
import { SubscriptionMeter } from './subscription-meter.ts'
import { stopNotice, takeoverNotice } from './subscription-notices.ts'
import type { Tail } from './tail.ts'

export type SubscriptionOptions = {
  readonly store: Store
  readonly tail: Tail
  readonly name: string
  readonly filter: Filter | null
  /** How long a lease holds without renewal, in ms. */
  readonly leaseMs: number
  /** The name of this process. */
  readonly owner: string
  readonly consumer: Consumer
  /** The fingerprint of what folds its rows. It is noted as an empty table begins to be filled. Default: no rows. */
  readonly fold?: string
  readonly trace: Trace
  readonly report: Report
  /** Default: nothing is measured. */
  readonly metrics?: Meter
  readonly now: () => number
  /** A clock of elapsed time, in ms. Default: the machine's clock. */
  readonly clock?: () => number
}

/** Rows and checkpoint become durable at least this often, in ms, however far behind the head. */
const SAVE_EVERY_MS = 10_000
/** A checkpoint that moved past other events only is saved within this time, in ms. */
const SAVE_IDLE_MS = 1_000
const RETRY_PARKED_EVERY_MS = 1_000
/** How often it looks whether there is room for new events, in ms. */
const ROOM_CHECK_MS = 100
/** How much may wait in memory to be written in bulk, in characters. */
const PENDING_MAX = 134_217_728
const BACK_OFF = { firstMs: 20, maxMs: 5_000 }

export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #readModel: ReadModel
  readonly #clock: () => number
  readonly #reader: Reader
  readonly #caution: Caution
  readonly #meter: SubscriptionMeter
  readonly #waiters = new Set<() => void>()
  #lease: Lease | null = null
  /** The checkpoint, and the position up to which events are handled. */
  #saved = 0
  #handled = 0
  #savedAt = 0
  #retriedAt = 0
  /** What stops it, as an episode, and the last error of it. */
  readonly #failing: Episode
  readonly #renewing: Episode
  /** So much is tried again that it takes no new events. */
  readonly #crowded: Episode
  #failure: string | null = null
  #renewal: Timer | undefined
  #isFenced = false
  /** The event after which a handler asked to stop last. */
  #stoppedAt: number | null = null
  #isClosed = false
  /** Whether somebody has given the lease back since it was asked for. */
  #isLeaseFree = false
  #running: Promise<void> | null = null
  #wake: () => void = () => {}

  constructor(options: SubscriptionOptions) {
    const { store, tail, filter, consumer, clock = () => performance.now() } = options
    this.#options = options
    this.#clock = clock
    this.#failing = episodeOf(options, 'could not go on')
    this.#crowded = episodeOf(options, 'takes no new events')
    this.#renewing = episodeOf(options, 'could not renew its lease')
    this.#readModel = store.readModel
    this.#reader = new Reader(store, tail, filter, consumer.eventsMax)
    this.#caution = new Caution(store.readModel, consumer)
    this.#meter = new SubscriptionMeter(options.name, options.now, options.metrics)
  }

  get name(): string {
    return this.#options.name
  }

  /** Whether this process runs the subscription. */
  get isOwner(): boolean {
    return this.#lease !== null
  }

  /** The checkpoint as far as this process knows it. */
  get position(): number {
    return this.#saved
  }

  /** The position up to which it has handled events. They may not be durable yet. */
  get handledTo(): number {
    return Math.max(this.#handled, this.#saved)
  }

  /** How many events of the log are after the checkpoint, at most. */
  get lagEvents(): number {
    return Math.max(0, this.#options.tail.head - this.#saved)
  }

  /** Why it does not go on for now. Null: it does, or another process runs it. */
  get failure(): string | null {
    return this.#failure ?? (this.#crowded.failures ? 'too many keys are in retry' : null)
  }

  /** The first event that it is handling. Null: there is none, or it is not known. */
  get current(): { readonly key: string; readonly position: number } | null {
    return this.#options.consumer.current?.() ?? null
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /**
   * Saves the effects of handled events, and gives the lease back. When the signal aborts before, it gives up what runs:
   * the next owner handles that again.
   */
  async close(over: AbortSignal = new AbortController().signal): Promise<void> {
    this.#isClosed = true
    this.#wake()
    await settleOrAbort(this.#running ?? Promise.resolve(), over)
    if (this.#lease) await this.#giveUp(this.#lease)
  }

  /** Calls back when the checkpoint moves. The returned function ends that. Meanwhile checkpoints are saved at once. */
  onCheckpoint(callback: () => void): () => void {
    this.#waiters.add(callback)
    if (this.#handled > this.#saved) this.#wake()
    return () => this.#waiters.delete(callback)
  }

  /** Finds out at once whether the lease is still ours. If not, no further page is handled. */
  async checkLease(): Promise<void> {
    if (this.#lease) await this.#renewLease(this.#lease)
  }

  /** Tries to take the lease now, if it waits for it. */
  takeLease(): void {
    if (this.#lease) return
    this.#isLeaseFree = true
    this.#wake()
  }

  /** Learns the checkpoint of another owner. */
  learnCheckpoint(position: number): void {
    if (!this.#lease) this.#moveCheckpoint(position)
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const lease = await this.#acquireLease()
        if (lease) await this.#runWithLease(lease)
        else await this.#waitForLease()
      } catch (error) {
        await this.#backOff(error)
      }
    }
  }

  async #waitForLease(): Promise<void> {
    this.#recover()
    if (!this.#isLeaseFree) await this.#sleep(this.#options.leaseMs / 4)
    this.#isLeaseFree = false
  }

  async #runWithLease(lease: Lease): Promise<void> {
    const { consumer, leaseMs, fold } = this.#options
    if (lease.isTakeover) this.#options.report(takeoverNotice(lease))
    this.#beginAt(lease)
    this.#renewal = setInterval(() => void this.#renewLease(lease), leaseMs / 3)
    try {
      if (fold !== undefined && lease.position === 0) await this.#readModel.setFingerprints(lease.name, [fold])
      await consumer.begin(withBlamedSuspect(lease))
      while (!this.#isClosed) await this.#step(lease)
      await consumer.end?.()
      if (!(await this.#stopIfAsked(lease))) await this.#save(lease)
    } finally {
      await consumer.end?.()
      clearInterval(this.#renewal)
      this.#lease = null
      if (this.#isClosed) await this.#readModel.release(lease.name, lease.epoch)
    }
  }

  /** Gives the lease up while something still runs, so that another process goes on at once. */
  async #giveUp({ name, epoch }: Lease): Promise<void> {
    clearInterval(this.#renewal)
    const { report, consumer } = this.#options
    const current = consumer.current?.()
    const what = current ? `the event at ${current.position} of ${JSON.stringify(current.key)}` : 'what it was doing'
    const message = `${name} did not end ${what} in time, and gives up its lease. The event is handled again elsewhere. Give the handler's signal to what it waits for.`
    report(new Notice({ level: 'warn', code: 'handler-abandoned', message, fields: { subscription: name, ...current } }))
    await this.#readModel.release(name, epoch).catch(report)
  }

  async #step(lease: Lease): Promise<void> {
    if (this.#isFenced) throw new Fenced()
    if (await this.#stopIfAsked(lease)) return
    if (this.#options.consumer.isFull?.()) return this.#waitForRoom(lease)
    this.#crowded.succeed()
    const isCareful = this.#caution.isNeeded
    const page = await this.#reader.next(this.#handled, isCareful ? SMALL_PAGE_EVENTS : undefined)
    if (page) await this.#handlePage(page, lease)
    if (await this.#stopIfAsked(lease)) return
    if (isCareful || this.#needsSave(page === null || this.#handled >= this.#options.tail.head)) await this.#save(lease)
    if (this.#clock() - this.#retriedAt > RETRY_PARKED_EVERY_MS) await this.#retryParked(lease)
    if (page) return
    this.#recover()
    await this.#pause()
  }

  /** Saves and pauses in one page, if a handler has asked for it. The lease is over then, on this node as on the others. */
  async #stopIfAsked(lease: Lease): Promise<boolean> {
    const { consumer, name, report } = this.#options
    const asked = await consumer.stopAsked?.()
    if (!asked || this.#isFenced) return false
    this.#handled = Math.min(this.#handled, asked.handledTo)
    // It is reported first, so that a crash in between loses no report. A repetition brings no news.
    if (this.#stoppedAt !== asked.position) report(stopNotice(name, asked))
    this.#stoppedAt = asked.position
    if (!(await consumer.save({ ...this.#guard(lease), pauses: true }))) throw new Fenced()
    this.#moveCheckpoint(this.#handled)
    this.#isFenced = true
    return true
  }

  async #waitForRoom(lease: Lease): Promise<void> {
    this.#crowded.fail('too many keys are in retry')
    if (this.#needsSave(true)) await this.#save(lease)
    if (this.#clock() - this.#retriedAt > RETRY_PARKED_EVERY_MS) await this.#retryParked(lease)
    await this.#sleep(ROOM_CHECK_MS)
  }

  async #handlePage({ events, to }: LogPage, lease: Lease): Promise<void> {
    const { consumer } = this.#options
    const handle = () => (this.#caution.isNeeded ? this.#caution.handle(events, lease) : consumer.handle(events, null))
    const given = consumer.countsEvents ? 0 : events.length
    if (events.length) await tracePage(this.#options, events, handle).finally(() => this.#meter.noteGiven(given))
    this.#meter.noteHandled(events)
    this.#handled = to
  }

  #needsSave(isAtHead: boolean): boolean {
    const pending = this.#options.consumer.pendingSize()
    if (this.#handled === this.#saved) return pending !== null
    const since = this.#clock() - this.#savedAt
    if (pending === null) return this.#waiters.size > 0 || since > SAVE_IDLE_MS
    return isAtHead || pending > PENDING_MAX || since > SAVE_EVERY_MS
  }

  async #save(lease: Lease): Promise<void> {
    const { consumer } = this.#options
    if (this.#handled === this.#saved && consumer.pendingSize() === null) return
    if (!(await consumer.save(this.#guard(lease)))) throw new Fenced()
    this.#recover()
    this.#meter.noteSaved()
    this.#savedAt = this.#clock()
    this.#moveCheckpoint(this.#handled)
  }

  async #retryParked(lease: Lease): Promise<void> {
    const { consumer } = this.#options
    if (consumer.hasParked()) {
      await this.#save(lease)
      await consumer.retryParked(this.#guard(lease))
    }
    this.#retriedAt = this.#clock()
  }

  async #acquireLease(): Promise<Lease | null> {
    const { name, owner, leaseMs } = this.#options
    // Where it begins elsewhere, that is settled before; see starts.ts.
    const lease = await this.#readModel.acquire(name, { owner, ttlMs: leaseMs, start: 0 })
    return lease && this.#caution.withoutOwnSuspect(lease)
  }

  #beginAt(lease: Lease): void {
    this.#lease = lease
    this.#isFenced = false
    this.#meter.begin()
    this.#handled = lease.position
    this.#savedAt = this.#clock()
    this.#caution.begin(lease)
    this.#moveCheckpoint(lease.position)
  }

  #guard({ name, epoch }: Lease): PageGuard {
    return { name, epoch, from: this.#saved, to: this.#handled, ttlMs: this.#options.leaseMs }
  }

  async #renewLease({ name, epoch }: Lease): Promise<void> {
    try {
      const isOurs = await this.#readModel.renew(name, epoch, this.#options.leaseMs)
      this.#renewing.succeed()
      if (isOurs) return
      this.#loseLease()
      this.#wake()
      // What it is just doing is done again by the next owner.
      void this.#options.consumer.end?.().catch(this.#options.report)
    } catch (error) {
      // The store is away. If it stays so, the lease ends by itself.
      this.#renewing.fail(error)
    }
  }

  /** Another process has the lease, or somebody has paused the subscription: the store refuses what this one writes. */
  #loseLease(): void {
    if (!this.#isFenced) this.#meter.noteFenced()
    this.#isFenced = true
  }

  #moveCheckpoint(position: number): void {
    this.#saved = position
    for (const callback of this.#waiters) callback()
  }

  async #backOff(error: unknown): Promise<void> {
    if (error instanceof Fenced) return this.#loseLease()
    if (this.#isFenced || this.#isClosed) return
    this.#failure = causeOf(error)
    this.#caution.slowDown()
    await this.#sleep(backOff(this.#failing.fail(error), BACK_OFF))
  }

  /** Ends an episode of failures. */
  #recover(): void {
    this.#failing.succeed()
    this.#failure = null
  }

  /** Waits until there are events, or other work. */
  async #pause(): Promise<void> {
    const { tail } = this.#options
    const stop = new AbortController()
    this.#wake = () => stop.abort()
    const hasUnsaved = this.#handled > this.#saved
    const timer = setTimeout(this.#wake, hasUnsaved ? SAVE_IDLE_MS : RETRY_PARKED_EVERY_MS)
    if (this.#isClosed || this.#isFenced || (hasUnsaved && this.#waiters.size > 0)) stop.abort()
    await tail.wait(this.#handled, stop.signal)
    clearTimeout(timer)
    this.#wake = () => {}
  }

  #sleep(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function episodeOf({ name, report, clock }: SubscriptionOptions, what: string): Episode {
  const mend = 'It waits up to 5 s between two attempts, and its rows and effects are behind meanwhile.'
  return new Episode({ report, what: `${name} ${what}`, mend, fields: { subscription: name }, ...(clock && { clock }) })
}
