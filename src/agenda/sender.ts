// The loop that sends what is due of one owner's entries, while this process has the lease on them.
import { streamName } from '../definitions/event/stream-name.ts'
import type { Command } from '../definitions/decider/command.ts'
import { KEY_KEEP_MS } from '../dispatch/send.ts'
import type { Agenda, AgendaEntry, NewEntry } from '../ports/agenda/agenda.ts'
import { backOff } from '../lib/back-off.ts'
import { sleep } from '../lib/sleep.ts'

/** An entry of the agenda, just added or read. */
type PendingEntry = Pick<AgendaEntry, 'id' | 'key' | 'timer' | 'command' | 'meta' | 'set'>
/** An entry that is due, with its command. */
export type DueEntry = Omit<PendingEntry, 'command'> & { readonly command: Command | null }
/** What became of an entry. Null: the entry is forgotten. A text: it is kept with the entry. */
export type EntryOutcome = string | null

export type SenderOptions = {
  readonly agenda: Agenda
  readonly owner: string
  /** Sends an entry; it may be sent several times, and has one effect. A failure is reported, and the entry is sent again. */
  readonly send: (entry: DueEntry, attempt: number) => Promise<EntryOutcome>
  readonly report: (error: unknown) => void
  /** How often the agenda is asked where nothing is known to be due, in ms: others may add to it. Default: 1 000. */
  readonly pollMs?: number
  /** In ms since 1970. Default: the machine's. */
  readonly now?: () => number
}

/** Entries being sent at once. */
const SENDING_MAX = 4_096
/** Entries that wait for their turn in memory; what is more than that is read from the agenda. */
const WAITING_MAX = 32_768
const READ_MAX = 1_024
/** What is due by time waits no longer than this for what waits in memory, in ms. */
const OVERDUE_MS = 1_000
const RETRY = { firstMs: 20, maxMs: 5_000 }

/** Says that the entry is to be sent again later, and that nothing is to be reported. */
export class RetryLater extends Error {
  override readonly message = 'the log did not answer for now'
}

/**
 * AT LEAST ONCE: an entry is forgotten when it was sent, so that a crash in between sends it again; what it is sent by recognises that.
 * Of one instance, what goes to one stream goes in order; all else goes side by side. Never early, by the time of the database.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #now: () => number
  /** The ids of what is being sent, each with the position of the event that led to it. */
  readonly #sending = new Map<string, number>()
  /** The last entry of each queue: what goes to one stream in order. */
  readonly #queues = new Map<string, Promise<void>>()
  /** What is due and has no room yet, in order. */
  #waiting: PendingEntry[] = []
  /** Whether the agenda may have due entries that were not read yet: nothing overtakes those, and all is read in its order. */
  #isBehind = true
  /** What was added while it is behind. */
  #deferred: PendingEntry[] = []
  /** Entries that were sent: those to forget, and those to keep with what became of them. */
  #toForget: Pick<DueEntry, 'id' | 'set'>[] = []
  #toKeep: { readonly id: string; readonly outcome: string }[] = []
  #settling: Promise<void> | null = null
  #running: Promise<void> | null = null
  #stopping = new AbortController()
  #wake: () => void = () => {}
  /** When the agenda has something, and when it is asked all the same, in ms since 1970 of its own clock, and how far that is ahead of ours. */
  #dueAt = 0
  #pollAt = 0
  #aheadMs = 0

  constructor(options: SenderOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** How many are being sent. */
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

  /** Resolves when nothing is being sent any more. */
  readonly stop = async (): Promise<void> => {
    this.#stopping.abort()
    this.#wake()
    await this.#running
    this.#running = null
    await Promise.all(this.#queues.values())
    await this.#settling
    this.#sending.clear()
    this.#waiting = []
  }

  /** Takes entries that have just become durable. What is due is sent without being read, unless something before it has to be read. */
  readonly enqueue = (entries: readonly NewEntry[]): void => {
    if (!this.#running || this.#stopping.signal.aborted) return
    if (this.#inMs(this.#dueAt) < -OVERDUE_MS) this.#isBehind = true
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
    this.#fill()
  }

  /** Reads the agenda now: somebody has added to it. */
  readonly poll = (): void => this.#askAt(0)

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (this.#hasRoom && this.#nextInMs() <= 0) await this.#read()
        failures = 0
        await this.#sleep(this.#hasRoom ? this.#nextInMs() : 1_000)
      } catch (error) {
        if (failures === 0) this.#options.report(error)
        await this.#sleep(backOff(failures++, RETRY))
      }
    }
  }

  get #hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#sending.size < SENDING_MAX
  }

  async #read(): Promise<void> {
    const { agenda, owner, pollMs = 1_000 } = this.#options
    // What is being sent is still there, and may be gone when the answer comes.
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
    for (const entry of entries) if (before.get(entry.id) !== entry.set && !waiting.has(entry.id)) this.#launch(entry)
    if (next === null || next > now) this.#catchUp()
    if (next !== null) this.#askAt(next)
  }

  /** Nothing is left before what was added meanwhile. Where that is too much, it is read. */
  #catchUp(): void {
    if (this.#deferred.length > WAITING_MAX) return
    this.#waiting = this.#waiting.concat(this.#deferred)
    this.#deferred = []
    this.#isBehind = false
    this.#fill()
  }

  /** Sends what waits, as far as there is room. */
  #fill(): void {
    if (this.#stopping.signal.aborted) return
    for (const entry of this.#waiting.splice(0, SENDING_MAX - this.#sending.size)) this.#launch(entry)
  }

  #askAt(due: number): void {
    if (due >= this.#dueAt) return
    this.#dueAt = due
    this.#wake()
  }

  #inMs(at: number): number {
    return at - this.#aheadMs - this.#now()
  }

  #nextInMs(): number {
    return Math.max(0, this.#inMs(Math.min(this.#dueAt, this.#pollAt)))
  }

  #launch({ id, key, timer, command, meta, set }: PendingEntry): void {
    if (this.#sending.has(id)) return
    this.#sending.set(id, set)
    // The agenda has a command as JSON.
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
    const { send, report } = this.#options
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const outcome = await send(entry, attempt)
        if (outcome === null) this.#toForget.push(entry)
        else this.#toKeep.push({ id: entry.id, outcome })
        this.#settling ??= this.#settle()
        return
      } catch (error) {
        if (!(error instanceof RetryLater)) report(error)
        await sleep(backOff(attempt - 1, RETRY), signal)
      }
    }
  }

  /** Notes in the agenda what was sent, as much at once as there is. */
  async #settle(): Promise<void> {
    const { agenda, report } = this.#options
    // What was sent in the same turn is forgotten with it.
    await new Promise(resolve => setImmediate(resolve))
    for (let failures = 0; this.#toForget.length + this.#toKeep.length > 0; ) {
      const [gone, kept] = [this.#toForget, this.#toKeep]
      this.#toForget = []
      this.#toKeep = []
      try {
        if (kept.length) await agenda.end(kept)
        if (gone.length) await agenda.done(gone)
        const hadRoom = this.#hasRoom
        for (const { id } of gone) this.#sending.delete(id)
        for (const { id } of kept) this.#sending.delete(id)
        failures = 0
        this.#fill()
        if (this.#hasRoom && !hadRoom) this.#wake()
      } catch (error) {
        this.#toForget = [...gone, ...this.#toForget]
        this.#toKeep = [...kept, ...this.#toKeep]
        // The next owner of the lease sends them again, to no effect.
        if (this.#stopping.signal.aborted) break
        if (failures === 0) report(error)
        await sleep(backOff(failures++, RETRY), this.#stopping.signal)
      }
    }
    this.#settling = null
  }

  #sleep(ms: number): Promise<void> {
    const stop = new AbortController()
    this.#wake = () => stop.abort()
    if (this.#stopping.signal.aborted) stop.abort()
    return sleep(ms, stop.signal)
  }
}

/** The queue of an entry: what one instance sends to one stream goes in order, and so do its timers. */
function queueOf({ id, key, command, timer }: DueEntry): string {
  if (timer !== null || command === null) return `${key}\n`
  return key === '' ? id : `${key}\n${streamName(command.decider, command.id)}`
}
