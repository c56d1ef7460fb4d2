// Sends the due entries of one owner, while this process holds the lease on them.
import { streamName } from '../definitions/event/stream-name.ts'
import type { Command } from '../definitions/decider/command.ts'
import { SentTooEarly } from '../definitions/decider/sent-too-early.ts'
import { KEY_KEEP_MS } from '../dispatch/pending-command.ts'
import type { Agenda, AgendaEntry, NewEntry } from '../ports/agenda/agenda.ts'
import { Episode } from '../ports/report/episode.ts'
import { LeaseLost } from './hold-lease.ts'
import type { Report } from '../ports/report/notice.ts'
import { backOff } from '../lib/back-off.ts'
import { sleep } from '../lib/sleep.ts'

/** An entry of the agenda, just added or read. */
type PendingEntry = Pick<AgendaEntry, 'id' | 'key' | 'timer' | 'command' | 'meta' | 'set'>
/** An entry that is due, with its command. */
export type DueEntry = Omit<PendingEntry, 'command'> & { readonly command: Command | null }
/** The outcome of an entry. Null: the agenda forgets the entry. A text: the agenda keeps the text with the entry. */
export type EntryOutcome = string | null

export type SenderOptions = {
  readonly agenda: Agenda
  readonly owner: string
  /**
   * Sends an entry, perhaps several times, with one effect. After a failure, which is reported once, the entry is sent
   * again. `attempt`: the number of the attempt, without those that the log did not answer and those that came too
   * early. `waitedMs`: how long it has waited because it came too early.
   */
  readonly send: (entry: DueEntry, attempt: number, waitedMs: number) => Promise<EntryOutcome>
  readonly report: Report
  /** Is given how long a timer is due that is about to fire, in ms, by the agenda's clock. Default: nobody is told. */
  readonly noteTimer?: (lateMs: number) => void
  /**
   * How often to read the agenda when no entry is known to be due, in ms, as other processes may add some. Default: 1
   * 000.
   */
  readonly pollMs?: number
  /** The time in ms since 1970. Default: the machine's clock. */
  readonly now?: () => number
}

/** The most entries that are being sent at once. */
const SENDING_MAX = 4_096
/** The most entries that wait in memory. Further ones are read from the agenda later. */
const WAITING_MAX = 32_768
/** The most entries that came too early and so take no room of those that are being sent. */
const EARLY_MAX = 4_096
const READ_MAX = 1_024
/** An entry that has a due time waits at most this long for the entries that wait in memory, in ms. */
const OVERDUE_MS = 1_000
const RETRY = { firstMs: 20, maxMs: 5_000 }

/** Asks for another attempt later, because nothing can be sent for now. */
export class RetryLater extends Error {
  override readonly message = 'the log did not answer for now'
}

/**
 * AT LEAST ONCE: an entry is forgotten after it was sent. A crash in between sends it again, and the receiver
 * recognises it by its key.
 * Commands of one instance to one stream are sent in order. All others are sent side by side. Nothing is sent before
 * its time, by the database's clock.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #now: () => number
  /** The ids of the entries that are being sent, each with the position of the event that led to it. */
  readonly #sending = new Map<string, number>()
  /** The ids of those that came too early. They wait for their time in their queues. */
  readonly #early = new Set<string>()
  /** The last entry of each queue. A queue keeps the order of one instance's commands to one stream. */
  readonly #queues = new Map<string, Promise<void>>()
  /** Due entries for which there is no room yet, in order. */
  #waiting: PendingEntry[] = []
  /**
   * Whether the agenda may hold due entries that were not read yet. No entry overtakes them: all are read in the
   * agenda's order.
   */
  #isBehind = true
  /** Entries that were added while `#isBehind`. */
  #deferred: PendingEntry[] = []
  /** Sent entries: those to forget, and those to keep with their outcomes. */
  #toForget: Pick<DueEntry, 'id' | 'set'>[] = []
  #toKeep: { readonly id: string; readonly outcome: string }[] = []
  #noting: Promise<void> | null = null
  readonly #reading: Episode
  readonly #recording: Episode
  /** While the log does not answer: one episode for all entries. */
  readonly #away: Episode
  readonly #tooEarly: Episode
  #running: Promise<void> | null = null
  #stopping = new AbortController()
  #wake: () => void = () => {}
  /**
   * When the next entry is due, and when to read the agenda in any case, in ms since 1970 by the agenda's clock; and
   * how far that clock is ahead of ours, in ms.
   */
  #dueAt = 0
  #pollAt = 0
  #aheadMs = 0

  constructor(options: SenderOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#reading = this.#episode('could not read its agenda')
    this.#recording = this.#episode('could not record what it has sent')
    this.#away = this.#episode('cannot send')
    this.#tooEarly = this.#episode('sends some commands too early')
  }

  /** How many entries are being sent. */
  get sending(): number {
    return this.#sending.size
  }

  readonly start = async (): Promise<void> => {
    const { agenda, owner } = this.#options
    await this.stop()
    this.#stopping = new AbortController()
    await agenda.renewKeys(owner, KEY_KEEP_MS)
    this.#dueAt = 0
    this.#isBehind = true
    this.#running = this.#run()
  }

  /** Stops sending. Resolves when nothing is being sent any more. */
  readonly stop = async (): Promise<void> => {
    this.#stopping.abort()
    this.#wake()
    await this.#running
    this.#running = null
    await Promise.all(this.#queues.values())
    await this.#noting
    this.#sending.clear()
    this.#early.clear()
    this.#waiting = []
  }

  /**
   * Takes entries that have just become durable. A due one is sent without a read, unless an earlier entry has to be
   * read first.
   */
  readonly enqueue = (entries: readonly NewEntry[]): void => {
    if (!this.#running || this.#stopping.signal.aborted) return
    if (this.#msUntil(this.#dueAt) < -OVERDUE_MS) this.#isBehind = true
    for (const entry of entries) {
      if (entry.due !== 0) this.#askAt(entry.due)
      else if (!this.#isBehind) this.#waiting.push(entry)
      else if (this.#deferred.length <= WAITING_MAX) this.#deferred.push(entry)
    }
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.length = WAITING_MAX
      this.#isBehind = true
    }
    if (this.#isBehind) this.#askAt(0)
    this.#sendWaiting()
  }

  /** Reads the agenda now, because somebody has added to it. */
  readonly poll = (): void => this.#askAt(0)

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        if (this.#hasRoom && this.#msUntilNext() <= 0) await this.#read()
        this.#reading.succeed()
        await this.#sleep(this.#hasRoom ? this.#msUntilNext() : 1_000)
      } catch (error) {
        await this.#sleep(backOff(this.#reading.fail(error), RETRY))
      }
    }
  }

  get #hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#room > 0
  }

  /** How many more entries may be sent at once. */
  get #room(): number {
    return SENDING_MAX - this.#sending.size + Math.min(this.#early.size, EARLY_MAX)
  }

  async #read(): Promise<void> {
    const { agenda, owner, noteTimer, pollMs = 1_000 } = this.#options
    // Entries that are being sent are still in the agenda, and may be gone when the answer comes.
    const before = new Map(this.#sending)
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#deferred = []
    const { entries, now, next } = await agenda.due(owner, before.size + READ_MAX).catch(error => {
      this.#dueAt = 0
      throw error
    })
    this.#aheadMs = now - this.#now()
    this.#pollAt = now + pollMs
    const waiting = new Set(this.#waiting.map(({ id }) => id))
    for (const entry of entries) {
      if (before.get(entry.id) === entry.set || waiting.has(entry.id)) continue
      if (entry.timer !== null && !this.#sending.has(entry.id)) noteTimer?.(Math.max(0, now - Date.parse(entry.due)))
      this.#beginSending(entry)
    }
    if (next === null || next > now) this.#catchUp()
    if (next !== null) this.#askAt(next)
  }

  /**
   * Moves the deferred entries on, as no earlier entry is left in the agenda. If there are too many of them, the agenda
   * is read.
   */
  #catchUp(): void {
    if (this.#deferred.length > WAITING_MAX) return
    this.#waiting = this.#waiting.concat(this.#deferred)
    this.#deferred = []
    this.#isBehind = false
    this.#sendWaiting()
  }

  /** Sends waiting entries while there is room. */
  #sendWaiting(): void {
    if (this.#stopping.signal.aborted) return
    for (const entry of this.#waiting.splice(0, Math.max(0, this.#room))) this.#beginSending(entry)
  }

  #askAt(due: number): void {
    if (due >= this.#dueAt) return
    this.#dueAt = due
    this.#wake()
  }

  #msUntil(at: number): number {
    return at - this.#aheadMs - this.#now()
  }

  #msUntilNext(): number {
    return Math.max(0, this.#msUntil(Math.min(this.#dueAt, this.#pollAt)))
  }

  #beginSending({ id, key, timer, command, meta, set }: PendingEntry): void {
    if (this.#sending.has(id)) return
    this.#sending.set(id, set)
    // The agenda stores a command as JSON.
    const entry = { id, key, timer, meta, set, command: command === null ? null : (JSON.parse(command) as Command) }
    const queue = queueOf(entry)
    const before = this.#queues.get(queue)
    const sending = before ? before.then(() => this.#send(entry)) : this.#send(entry)
    this.#queues.set(queue, sending)
    void sending.then(() => {
      if (this.#queues.get(queue) === sending) this.#queues.delete(queue)
    })
  }

  async #send(entry: DueEntry): Promise<void> {
    const { signal } = this.#stopping
    let failing: Episode | null = null
    let [attempt, unanswered, waitedMs] = [1, 0, 0]
    while (!signal.aborted) {
      try {
        const outcome = await this.#options.send(entry, attempt, waitedMs)
        this.#away.succeed()
        failing?.succeed()
        this.#endEarly(entry)
        if (outcome === null) this.#toForget.push(entry)
        else this.#toKeep.push({ id: entry.id, outcome })
        this.#noting ??= this.#noteSent()
        return
      } catch (error) {
        if (error instanceof SentTooEarly) {
          waitedMs += error.afterMs
          await this.#waitForTime(entry, error, signal)
        } else if (error instanceof RetryLater || error instanceof LeaseLost) {
          // Whoever lost the lease is stopped soon.
          if (error instanceof RetryLater) this.#away.fail(error)
          await sleep(backOff(unanswered++, RETRY), signal)
        } else {
          failing ??= this.#episode(`could not send ${entry.id}`)
          failing.fail(error)
          await sleep(backOff(attempt++ - 1, RETRY), signal)
        }
      }
    }
  }

  /** Waits until an entry that came too early may be sent again. Others take its room meanwhile. */
  async #waitForTime({ id }: DueEntry, error: SentTooEarly, signal: AbortSignal): Promise<void> {
    this.#tooEarly.fail(error)
    this.#early.add(id)
    this.#sendWaiting()
    this.#wake()
    await sleep(error.afterMs, signal)
  }

  #endEarly({ id }: DueEntry): void {
    if (this.#early.delete(id) && this.#early.size === 0) this.#tooEarly.succeed()
  }

  /** Notes all sent entries in the agenda, as many at once as there are. */
  async #noteSent(): Promise<void> {
    const { agenda } = this.#options
    // Entries that were sent in the same turn are noted together.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#toForget.length + this.#toKeep.length > 0) {
      const [gone, kept] = [this.#toForget, this.#toKeep]
      this.#toForget = []
      this.#toKeep = []
      try {
        if (kept.length) await agenda.end(kept)
        if (gone.length) await agenda.done(gone)
        const hadRoom = this.#hasRoom
        for (const { id } of gone) this.#sending.delete(id)
        for (const { id } of kept) this.#sending.delete(id)
        this.#recording.succeed()
        this.#sendWaiting()
        if (this.#hasRoom && !hadRoom) this.#wake()
      } catch (error) {
        this.#toForget = [...gone, ...this.#toForget]
        this.#toKeep = [...kept, ...this.#toKeep]
        // The next owner of the lease sends these again, without a second effect.
        if (this.#stopping.signal.aborted) break
        await sleep(backOff(this.#recording.fail(error), RETRY), this.#stopping.signal)
      }
    }
    this.#noting = null
  }

  #episode(what: string): Episode {
    const { owner, report } = this.#options
    return new Episode({
      report,
      what: `${owner} ${what}`,
      mend: 'Its commands and timers are late meanwhile.',
      fields: { owner },
    })
  }

  #sleep(ms: number): Promise<void> {
    const stop = new AbortController()
    this.#wake = () => stop.abort()
    if (this.#stopping.signal.aborted) stop.abort()
    return sleep(ms, stop.signal)
  }
}

/** The queue of an entry. One instance's commands to one stream go in order, and so do its timers. */
function queueOf({ id, key, command, timer }: DueEntry): string {
  if (timer !== null || command === null) return `${key}\n`
  return key === '' ? id : `${key}\n${streamName(command.decider, command.id)}`
}
