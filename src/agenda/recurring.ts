// Sends the commands of one recurring schedule. Its next time is an entry of the agenda. When that is due, one
// transaction replaces it by the commands and the time after it.
import { ownActor } from '../definitions/event/actor.ts'
import { lastTime, nextTime, type Recurrence } from '../definitions/recurrence.ts'
import { type ScheduleSpec, scheduleOwner } from '../definitions/schedule.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { Outcome } from '../dispatch/outcome.ts'
import type { SendOptions } from '../dispatch/send.ts'
import type { Agenda, NewEntry } from '../ports/agenda/agenda.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { WakingSleep } from '../lib/waking-sleep.ts'
import { holdLease, LeaseLost } from './hold-lease.ts'
import { ATTEMPTS_MAX, isForNow, sendInTime } from './send-entry.ts'
import { type DueEntry, Sender } from './sender.ts'

export type RecurringOptions = {
  readonly store: { readonly agenda: Agenda; readonly readModel: ReadModel }
  readonly send: (command: Command, options: SendOptions) => Promise<Outcome>
  /** The name of this process, as an owner of leases. */
  readonly owner: string
  readonly leaseMs: number
  readonly trace: Trace
  readonly report: Report
}

/** The time of an entry, in ms since 1970, and the expression that gave it. */
type NextTime = Recurrence & { readonly due: number }

/** A time counts as late after so many ms. */
const LATE_MS = 60_000
/** Only the owner of the lease adds entries, so the agenda is read seldom. */
const POLL_MS = 10_000

export class Recurring {
  readonly #schedule: ScheduleSpec
  readonly #options: RecurringOptions
  readonly #sender: Sender
  readonly #owner: string
  readonly #closing = new AbortController()
  #running: Promise<void> | null = null
  #epoch = 0
  readonly #waiting = new WakingSleep()

  constructor(schedule: ScheduleSpec, options: RecurringOptions) {
    const { store, report } = options
    this.#schedule = schedule
    this.#options = options
    this.#owner = scheduleOwner(schedule)
    this.#sender = new Sender({
      agenda: store.agenda,
      owner: this.#owner,
      send: async (entry, attempt, waitedMs) => {
        await (entry.timer === null ? this.#sendCommand(entry, attempt, waitedMs) : this.#fire(entry))
        return null
      },
      report,
      pollMs: POLL_MS,
    })
  }

  start(): void {
    const { store, owner, leaseMs, report } = this.#options
    const { name } = this.#schedule
    const mend = 'Its commands are sent later meanwhile.'
    const begin = async (epoch: number) => {
      this.#epoch = epoch
      await this.#setFirst()
      await this.#sender.start()
    }
    const holding = { readModel: store.readModel, name: this.#owner, owner, leaseMs, report, what: `the schedule ${name}`, mend }
    this.#running ??= holdLease({ ...holding, begin, end: this.#sender.stop, waiting: this.#waiting }, this.#closing.signal)
  }

  /** Tries to take the lease now, if it waits for it. */
  takeLease(): void {
    this.#waiting.wake()
  }

  /** Reads the agenda now. */
  poll(): void {
    this.#sender.poll()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /**
   * Sets the next time of a schedule that is new, or whose times were changed. A time of the former expression that is
   * due already is still sent.
   */
  async #setFirst(): Promise<void> {
    const { agenda } = this.#options.store
    const { every } = this.#schedule
    const found = await agenda.find(this.#owner)
    const { now } = await agenda.due(this.#owner, 1)
    const next = found && nextOf(found)
    if (next && (next.due <= now || (next.cron === every.cron && next.zone === every.zone))) return
    await this.#commit([this.#entryAfter(now, found?.set ?? 0)])
  }

  /** Replaces a time that is due by its commands and by the next time. */
  async #fire(entry: DueEntry): Promise<void> {
    const { agenda } = this.#options.store
    // An attempt that seemed to fail may have replaced it.
    if ((await agenda.find(this.#owner))?.set !== entry.set) return
    const { now } = await agenda.due(this.#owner, 1)
    const next = nextOf(entry)
    const at = lastTime(next, next.due, now)
    const isLate = now - at > LATE_MS
    const isLeftOut = isLate && this.#schedule.missed === 'none'
    const entries = [...(isLeftOut ? [] : this.#commandsOf(at)), this.#entryAfter(Math.max(now, at), entry.set)]
    await this.#commit(entries)
    if (isLate || at !== next.due) this.#reportLate(next.due, at, isLeftOut)
    this.#sender.enqueue(entries)
  }

  #commandsOf(at: number): readonly NewEntry[] {
    const time = `${this.#owner}@${isoOf(at)}`
    const meta = JSON.stringify({ correlation: time })
    return this.#schedule.commandsAt(isoOf(at)).map((command, i) => ({
      ...{ id: `${time}:${i}`, owner: this.#owner, key: this.#schedule.name, timer: null },
      ...{ command: JSON.stringify(command), meta, due: 0, set: 0 },
    }))
  }

  /** The entry of the first time after another. Its `set` is above that of the entry that it replaces. */
  #entryAfter(afterMs: number, set: number): NewEntry {
    const { name, every } = this.#schedule
    const due = nextTime(every, afterMs)
    const meta = JSON.stringify({ ...every, due } satisfies NextTime)
    const timer = `${every.cron} ${every.zone}`
    return { id: this.#owner, owner: this.#owner, key: name, timer, command: null, meta, due, set: set + 1 }
  }

  /** Writes entries while the lease is ours. */
  async #commit(add: readonly NewEntry[]): Promise<void> {
    const { store, leaseMs } = this.#options
    const page = { name: this.#owner, epoch: this.#epoch, from: 0, to: 0, ttlMs: leaseMs, rows: [], park: [], unpark: [] }
    if (!(await store.readModel.commit({ ...page, agenda: { add, remove: [] } })))
      throw new LeaseLost('another process, or a pause, has the schedule')
  }

  async #sendCommand({ id, meta, command }: DueEntry, attempt: number, waitedMs: number): Promise<void> {
    const actor = ownActor('schedule', this.#schedule.name)
    // `#commandsOf` wrote the text in the agenda.
    const { correlation } = JSON.parse(meta) as { readonly correlation: string }
    try {
      const sending = { correlation, actor, key: id, isOwnKey: true }
      const outcome = await sendInTime(this.#options, command!, sending, { waitedMs, isSameTrace: false })
      if (outcome.outcome !== 'accepted') this.#reportRefused(command!, JSON.stringify(outcome))
    } catch (error) {
      if (isForNow(error) || attempt < ATTEMPTS_MAX) throw error
      this.#reportRefused(command!, String(error), error)
    }
  }

  #reportLate(firstMs: number, atMs: number, isLeftOut: boolean): void {
    const { name } = this.#schedule
    const [first, at] = [isoOf(firstMs), isoOf(atMs)]
    const earlier = first === at ? '' : ` The times from ${first} on before it are left out.`
    const message = `The schedule ${name} was due at ${at}. ${isLeftOut ? 'That is left out, too.' : 'It is sent only now.'}${earlier}`
    this.#options.report(new Notice({ level: 'warn', code: 'schedule-late', message, fields: { schedule: name, first, at } }))
  }

  #reportRefused({ decider, command, id }: Command, found: string, cause?: unknown): void {
    const { name } = this.#schedule
    const to = `${decider}.${command}`
    const message = `The schedule ${name} sent ${to} to ${id}, which was not accepted: ${found.slice(0, SHOWN_MAX)}`
    const fields = { schedule: name, command: to, id }
    this.#options.report(
      new Notice({ level: 'warn', code: 'schedule-refused', message, fields, ...(cause !== undefined && { cause }) }),
    )
  }
}
const SHOWN_MAX = 1_000

function nextOf({ meta }: Pick<DueEntry, 'meta'>): NextTime {
  // `#entryAfter` wrote the text in the agenda.
  return JSON.parse(meta) as NextTime
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
