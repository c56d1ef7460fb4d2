// Works off the keys of a processor whose event failed: each at its own pace, in order, beside the pages of new events.
// Such a key is durable as a parked key that its owner handles again, so the checkpoint may move past it. After a crash,
// the next owner finds it there.
import { backOff } from '../lib/back-off.ts'
import { SentTooEarly } from '../definitions/decider/sent-too-early.ts'
import type { ProcessorSpec } from '../definitions/processor.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import { logPages } from '../ports/store/pages.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import type { PageGuard } from './consumer.ts'
import { type Parking, Retries } from './parking.ts'
import type { Sleep } from './processor-attempts.ts'
import { type Coverage, type KeyedEvent, type RetryingKey, RetryQueue } from './retry-queue.ts'

export type ProcessorRetriesOptions = {
  readonly store: Store
  readonly processor: ProcessorSpec
  readonly parking: Parking
  readonly report: Report
  /** Tries events once, when there is room. Gives null, or the error. Throws if the signal aborts. */
  readonly attempt: (batch: readonly KeyedEvent[], attempt: number, signal: AbortSignal) => Promise<unknown>
  readonly keyedEvents: (stored: StoredEvent) => readonly KeyedEvent[]
  readonly sleep: Sleep
  /** The clock, in ms since 1970. */
  readonly now: () => number
  /** A random number, at least 0 and below 1. */
  readonly random: () => number
}

/** How many events of a key are taken from the log at once. */
const REFILL_EVENTS = 64
/** How long to wait for a page that is being handled, in ms. */
const REFILL_WAIT_MS = 50
const READ_RETRY = { firstMs: 20, maxMs: 5_000 }
/** A new owner makes at least so many attempts before it parks a key: it may have been away all the time. */
const ATTEMPTS_MIN = 3

/** Why a key is in retry that was left. */
const LEFT = 'the processor was stopped before it handled this event'

export class ProcessorRetries {
  readonly #options: ProcessorRetriesOptions
  readonly #queue = new RetryQueue()
  readonly #failing: Episode
  readonly #reading: Episode
  #work = new Set<Promise<void>>()
  #signal = AbortSignal.abort()
  #ending = AbortSignal.abort()
  /** The end of the last page whose events are all handled, or in retry. */
  #handledTo = 0

  constructor(options: ProcessorRetriesOptions) {
    this.#options = options
    const { report, processor } = options
    const { name } = processor
    const fields = { subscription: name }
    const mend = `A key that fails for ${processor.retry.forMs} ms is parked. The other keys go on.`
    this.#failing = new Episode({ report, what: `${name} could not handle an event`, mend, fields })
    const late = 'Events of keys that are in retry are late meanwhile.'
    this.#reading = new Episode({ report, what: `${name} could not read events of a key in retry`, mend: late, fields })
  }

  /** How many keys are in retry. */
  get keys(): number {
    return this.#queue.keys
  }

  /** Whether so many keys are in retry that no new events should be taken. */
  get isFull(): boolean {
    return this.#queue.isFull
  }

  /** `signal` aborts when nothing more may begin, and `ending` when what runs has to end. */
  begin(position: number, signal: AbortSignal, ending: AbortSignal): void {
    this.#queue.clear()
    this.#work = new Set()
    this.#handledTo = position
    this.#signal = signal
    this.#ending = ending
  }

  /** Resolves when no attempt is running any more. The signal has to be aborted before. */
  async end(): Promise<void> {
    await Promise.all(this.#work)
  }

  /** Takes an event if its key is in retry: it is handled after the key's earlier events. */
  take(event: KeyedEvent): boolean {
    return this.#queue.push(event)
  }

  /** A page up to this position is handled, but for the events that were taken. */
  endPage(position: number): void {
    this.#handledTo = position
  }

  /** Tries the events of a failed attempt again, each with its key. */
  retryLater(batch: readonly KeyedEvent[], error: unknown): void {
    const [first] = batch
    const isAlone = batch.length === 1
    if (isAlone && this.#options.processor.retry.forMs === 0) return this.#park(first!, error)
    if (isAlone) this.#failing.fail(error)
    for (const event of batch)
      if (!this.#queue.push(event)) this.#begin(event, { since: this.#options.now(), attempts: Number(isAlone) }, error)
  }

  /** Notes an event that is left for later, because the processor stops. Its key is in retry after the stop. */
  leave({ key, stored: { position } }: KeyedEvent): void {
    const { parking, now } = this.#options
    if (!this.#queue.get(key) && !parking.hasKey(key)) parking.retryKey(key, position, LEFT, now())
  }

  /** Begins with what somebody asked to handle again, and with the keys that an earlier owner had in retry. */
  async retryParked({ name, to }: PageGuard): Promise<void> {
    const asked = await this.#options.parking.readRetries(name)
    const fresh: Parked[] = []
    // What is handled by now, but not durable yet, is not begun again. Nothing is awaited in between.
    for (const parked of asked?.parked.filter(one => !this.#options.parking.isChanging(one)) ?? []) {
      const retrying = parked.kind === 'key' ? this.#queue.get(parked.key) : undefined
      if (retrying) this.#hasten(retrying, parked)
      else fresh.push(parked)
    }
    if (fresh.length) await this.#load(new Retries(fresh), to)
  }

  #begin(event: KeyedEvent, from: Pick<RetryingKey, 'since' | 'attempts'>, cause: unknown): RetryingKey {
    const retrying = this.#queue.begin(event, from)
    retrying.leastMs = leastPauseOf(cause)
    this.#note(retrying, cause)
    const signal = this.#signal
    const work: Promise<void> = this.#workOff(retrying, signal)
      .catch(error => {
        if (!signal.aborted) this.#options.report(error)
      })
      .finally(() => this.#work.delete(work))
    this.#work.add(work)
    return retrying
  }

  /** Makes durable, with the next page, where a key goes on. */
  #note({ key, events, rest, since }: RetryingKey, cause: unknown): void {
    const position = events[0]?.stored.position ?? (rest ? rest.after + 1 : null)
    if (position !== null) this.#options.parking.retryKey(key, position, cause, since)
  }

  async #workOff(retrying: RetryingKey, signal: AbortSignal): Promise<void> {
    const { attempt, processor } = this.#options
    let handled: StoredEvent | null = null
    for (;;) {
      if (!retrying.events.length && retrying.rest) await this.#refill(retrying, signal)
      // Nothing is awaited from here to the removal, so no event comes in between.
      if (!retrying.events.length && !retrying.rest) break
      if (!retrying.events.length) continue
      // The parts of one stored event stay together.
      const until: AbortSignal = retrying.events[0]!.stored === handled ? this.#ending : signal
      await this.#pause(retrying, until)
      if (this.#skips(retrying)) continue
      const batch = retrying.events.slice(0, retrying.isSingle ? 1 : processor.batchSize)
      const error = await attempt(batch, retrying.attempts + 1, until)
      handled = error === null ? batch.at(-1)!.stored : null
      if (error === null) this.#advance(retrying, batch.length)
      else if (!this.#failAgain(retrying, batch, error)) return
    }
    this.#options.parking.forgetRetry(retrying.key)
    this.#remove(retrying)
  }

  /** Waits before the next attempt, at random up to a bound that doubles, so that many keys do not come back at once. */
  async #pause(retrying: RetryingKey, signal: AbortSignal): Promise<void> {
    const { sleep, random, processor } = this.#options
    if (retrying.attempts > 0) {
      const waking = new AbortController()
      retrying.wake = () => waking.abort()
      const ms = Math.max(retrying.leastMs, random() * backOff(retrying.attempts - 1, processor.retry))
      await sleep(ms, AbortSignal.any([signal, waking.signal]))
    }
    signal.throwIfAborted()
  }

  #skips(retrying: RetryingKey): boolean {
    if (retrying.skip === null || retrying.events[0]?.stored.position !== retrying.skip) return false
    this.#advance(retrying, 1)
    return true
  }

  #advance(retrying: RetryingKey, many: number): void {
    this.#queue.shift(retrying, many)
    retrying.attempts = 0
    retrying.leastMs = 0
    retrying.isSingle = false
    retrying.since = this.#options.now()
    this.#note(retrying, 'an earlier event of this key failed')
  }

  /** Gives false if the key is parked. */
  #failAgain(retrying: RetryingKey, batch: readonly KeyedEvent[], error: unknown): boolean {
    const { processor, now } = this.#options
    const { forMs } = processor.retry
    retrying.isSingle = true
    if (batch.length > 1) return true
    retrying.attempts++
    retrying.leastMs = leastPauseOf(error)
    const isOver = now() - retrying.since >= forMs && (forMs === 0 || retrying.attempts >= ATTEMPTS_MIN)
    if (forMs > 0) this.#failing.fail(error)
    if (!isOver) return true
    this.#park(batch[0]!, error)
    this.#remove(retrying)
    return false
  }

  #park({ key, stored }: KeyedEvent, error: unknown): void {
    this.#options.parking.parkKey(key, stored.position, error)
  }

  #remove(retrying: RetryingKey): void {
    this.#queue.remove(retrying)
    if (this.#queue.keys === 0) this.#failing.succeed()
  }

  /** Somebody asked for a key that is in retry: its next attempt is made at once, or its event is passed over. */
  #hasten(retrying: RetryingKey, { again, at, position }: Parked): void {
    if (again === 'whole' && Date.parse(at) === retrying.since) return
    if (again === 'skip') retrying.skip = position
    retrying.since = this.#options.now()
    this.#note(retrying, 'somebody asked to handle it again')
    retrying.wake()
  }

  /** Reads the first events of the keys to handle again, in one pass over the log. */
  async #load(retries: Retries, to: number): Promise<void> {
    const { store, processor, parking, now } = this.#options
    for (const place of retries.parked) parking.release(place)
    const coverage = coverageOf(retries, to)
    const range = { after: retries.first - 1, until: to, filter: processor.filter, seesHoles: false }
    const found = new Map<string, { readonly events: KeyedEvent[]; last: number }>()
    for await (const page of logPages(store, range)) {
      for (const event of page.flatMap(stored => this.#coveredEvents(stored, coverage))) {
        const of = found.get(event.key) ?? { events: [], last: 0 }
        found.set(event.key, of)
        of.last = event.stored.position
        if (of.events.length < REFILL_EVENTS || of.last === of.events.at(-1)!.stored.position) of.events.push(event)
      }
    }
    for (const [key, { events, last }] of found) {
      const parked = retries.keys.get(key)
      const since = parked?.again === 'whole' ? Date.parse(parked.at) : now()
      const retrying = this.#queue.get(key) ?? this.#begin(events.shift()!, { since, attempts: 0 }, parked?.cause ?? 'parked')
      this.#queue.refill(retrying, events)
      const after = events.at(-1)?.stored.position ?? last
      if (last > after) retrying.rest = { after, last, coverage }
    }
  }

  /** A skipped event is not read. If it cannot be, that would park its stream again. */
  #coveredEvents(stored: StoredEvent, { skips, covers }: Coverage): readonly KeyedEvent[] {
    return skips(stored) ? [] : this.#options.keyedEvents(stored).filter(covers)
  }

  /** Reads the next events of a key that are only in the log, or finds that there are none. */
  async #refill(retrying: RetryingKey, signal: AbortSignal): Promise<void> {
    while (retrying.rest && !retrying.events.length) {
      signal.throwIfAborted()
      try {
        if (!(await this.#readRest(retrying))) await this.#options.sleep(REFILL_WAIT_MS, signal)
        this.#reading.succeed()
      } catch (error) {
        await this.#options.sleep(backOff(this.#reading.fail(error), READ_RETRY), signal)
      }
    }
  }

  /** Gives false if the rest is in a page that is still being handled. */
  async #readRest(retrying: RetryingKey): Promise<boolean> {
    const { store, processor } = this.#options
    const rest = retrying.rest!
    const until = this.#handledTo
    const range = { after: rest.after, until, filter: processor.filter, seesHoles: false }
    for await (const page of logPages(store, range)) {
      for (const stored of page) {
        if (retrying.events.length >= REFILL_EVENTS) return true
        rest.after = stored.position
        const own = this.#coveredEvents(stored, rest.coverage).filter(({ key }) => key === retrying.key)
        this.#queue.refill(retrying, own)
      }
    }
    rest.after = Math.max(rest.after, until)
    // A later event of the key is in the page that is being handled.
    if (rest.last > until) return retrying.events.length > 0
    retrying.rest = null
    return true
  }
}

/** How long an attempt has to wait because a decision has asked for its command later, in ms. */
function leastPauseOf(error: unknown): number {
  return error instanceof SentTooEarly ? error.afterMs : 0
}

/** What was passed over while keys and streams were parked, and all that comes after a position. */
function coverageOf(retries: Retries, to: number): Coverage {
  return {
    skips: stored => retries.skipsEvent(stored),
    covers: ({ key, stored }) =>
      stored.position > to || (!retries.skipsForKey(key, stored.position) && retries.isCovered(key, stored)),
  }
}
