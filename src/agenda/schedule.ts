// Commands that are accepted now and sent later. One process at a time sends the due ones. Their outcomes are kept for
// a day.
import { readTime, TIME_EXPECTED } from '../definitions/event/time.ts'
import { DUE_MAX } from '../definitions/process/timer.ts'
import { type Command, fingerprintOf } from '../definitions/decider/command.ts'
import { hashText } from '../dispatch/caller-keys.ts'
import { KEY_KEEP_MS } from '../dispatch/pending-command.ts'
import { clientKey, type SendOptions } from '../dispatch/send.ts'
import { type Invalid, KEY_REUSED, type Outcome, type Rejected } from '../dispatch/outcome.ts'
import type { Agenda, AgendaEntry } from '../ports/agenda/agenda.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { forgetSchedules } from './forget-schedules.ts'
import { holdLease } from './hold-lease.ts'
import { ATTEMPTS_MAX, isForNow, sendInTime } from './send-entry.ts'
import { type DueEntry, type EntryOutcome, Sender } from './sender.ts'

export type ScheduleOptions = {
  readonly store: { readonly agenda: Agenda; readonly readModel: ReadModel }
  readonly send: (command: Command, options: SendOptions) => Promise<Outcome>
  /** Checks a command before it is scheduled. Null: it can be sent. */
  readonly check: (command: Command) => Invalid | null
  /** The name of this process, as an owner of leases. */
  readonly owner: string
  readonly leaseMs: number
  /** The owners, in the agenda, of the recurring schedules that this process serves. */
  readonly schedules: ReadonlySet<string>
  readonly trace: Trace
  readonly report: Report
}

/** Options of a scheduled command. `at`: when to send it, as RFC 3339 with its zone, or a Date. Default: at once. */
export type ScheduledOptions = Pick<
  SendOptions,
  'expect' | 'key' | 'idGiven' | 'actor' | 'meta' | 'correlation' | 'causation' | 'traceparent'
> & {
  readonly at?: string | Date
}
/** The outcome of a scheduled command. `failed`: its decision failed in every attempt. */
export type ScheduledOutcome = Outcome | { readonly outcome: 'failed'; readonly detail: string }
export type Scheduled = {
  readonly id: string
  readonly command: Command
  readonly due: string
  readonly state: 'pending' | 'begun' | 'ended'
  readonly ended: ScheduledOutcome | null
  readonly endedAt: string | null
}

/** The owner of scheduled commands in the agenda. */
export const OWNER = 'commands'
const POLL_MS = 200
const WAITING = 'Scheduled commands are sent later meanwhile.'
const FORGET_MS = 60 * 60 * 1_000
const SECRET_BYTES = 16

type ScheduledMeta = Omit<ScheduledOptions, 'at'> & {
  /** The fingerprint of the command when it was scheduled. It shows when a key is used again for another command. */
  readonly fingerprint: string
  /** The part of the id that nobody can work out. Absent: an earlier release scheduled the command. */
  readonly secret?: string
}

export class Schedule {
  readonly #options: ScheduleOptions
  readonly #sender: Sender
  #running: Promise<void> | null = null
  #forgotAt = Number.NEGATIVE_INFINITY
  readonly #closing = new AbortController()

  constructor(options: ScheduleOptions) {
    const { store, report } = options
    this.#options = options
    this.#sender = new Sender({
      agenda: store.agenda,
      owner: OWNER,
      send: (entry, attempt, waitedMs) => this.#send(entry, attempt, waitedMs),
      report,
      pollMs: POLL_MS,
    })
  }

  start(): void {
    const { store, owner, leaseMs, report } = this.#options
    const holding = { readModel: store.readModel, name: OWNER, owner, leaseMs, report, what: 'scheduled commands', mend: WAITING }
    const [begin, onHeld] = [this.#sender.start, () => this.#forget()]
    this.#running ??= holdLease({ ...holding, begin, onHeld, end: this.#sender.stop }, this.#closing.signal)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /**
   * Schedules a command, which is durable when the promise resolves. The same key gives the same scheduled command
   * again.
   */
  async add(command: Command, { at, ...given }: ScheduledOptions): Promise<Scheduled | Invalid | Rejected> {
    const invalid = this.#options.check(command)
    if (invalid) return invalid
    // Baggage ends with the request: the agenda keeps none.
    const { baggage: _, ...options } = given as ScheduledOptions & Pick<SendOptions, 'baggage'>
    const due = at === undefined ? 0 : dueAt(at)
    const fingerprint = fingerprintOf(command, options.idGiven ?? true)
    const meta: ScheduledMeta = { ...options, fingerprint, secret: newSecret() }
    const entry = { id: entryIdOf(command, options), owner: OWNER, key: '', timer: null, command: JSON.stringify(command) }
    const kept = await this.#options.store.agenda.schedule({ ...entry, meta: JSON.stringify(meta), due, set: 0 })
    if (metaOf(kept).fingerprint !== fingerprint) return { outcome: 'rejected', code: KEY_REUSED }
    this.#sender.poll()
    return scheduledOf(kept)
  }

  /** Finds a scheduled command for an actor: its own, or one that has no actor, for whoever knows its id. */
  async find(id: string, actor: string | null): Promise<Scheduled | null> {
    const [entryId, secret] = splitId(id)
    const found = await this.#options.store.agenda.find(entryId)
    if (found?.owner !== OWNER) return null
    const { secret: known, actor: by = actor } = metaOf(found)
    return isSame(secret, known ?? '') && by === actor ? scheduledOf(found) : null
  }

  /** Removes a pending command that `find` finds. False: there is none, or its sending has begun. */
  async remove(id: string, actor: string | null): Promise<boolean> {
    return (await this.find(id, actor)) !== null && this.#options.store.agenda.remove(splitId(id)[0])
  }

  /** Forgets, once an hour, what ended long ago, and the schedules that nobody serves any more. */
  async #forget(): Promise<void> {
    if (performance.now() - this.#forgotAt <= FORGET_MS) return
    const { store, schedules, report } = this.#options
    await store.agenda.forget(KEY_KEEP_MS)
    await forgetSchedules(store.agenda, { served: schedules, overdueMs: KEY_KEEP_MS, report })
    this.#forgotAt = performance.now()
  }

  async #send(entry: DueEntry, attempt: number, waitedMs: number): Promise<EntryOutcome> {
    const { agenda } = this.#options.store
    // The command may have been removed in the meantime.
    if (!(await agenda.begin([entry.id])).length) return null
    return JSON.stringify(await this.#sendCommand(entry, attempt, waitedMs))
  }

  async #sendCommand(entry: DueEntry, attempt: number, waitedMs: number): Promise<ScheduledOutcome> {
    const { fingerprint: _, secret: __, key, ...meta } = metaOf(entry)
    // A key of the client is the key by which the client might send the command at once.
    const by = key === undefined ? { key: entry.id, isOwnKey: true } : { key }
    try {
      return await sendInTime(this.#options, entry.command!, { ...meta, ...by }, { waitedMs, isSameTrace: false })
    } catch (error) {
      if (isForNow(error) || attempt < ATTEMPTS_MAX) throw error
      return { outcome: 'failed', detail: String(error) }
    }
  }
}

/** A time in ms since 1970; 0, which is at once, for one before 1970. */
function dueAt(at: string | Date): number {
  const due = readTime(at)
  if (due <= DUE_MAX) return Math.max(0, due)
  throw new TypeError(`${TIME_EXPECTED}, up to the year 9999; found ${JSON.stringify(at)}`)
}

function scheduledOf(entry: AgendaEntry): Scheduled {
  const { id, command, due, outcome, endedAt, hasBegun } = entry
  const ended = outcome === null ? null : (JSON.parse(outcome) as ScheduledOutcome)
  const { secret } = metaOf(entry)
  return {
    id: secret === undefined ? id : `${id}.${secret}`,
    // Every scheduled entry has a command.
    command: JSON.parse(command!) as Command,
    due,
    state: ended ? 'ended' : hasBegun ? 'begun' : 'pending',
    ended,
    endedAt,
  }
}

function metaOf({ meta }: Pick<AgendaEntry, 'meta'>): ScheduledMeta {
  // `add` wrote the text in the agenda.
  return JSON.parse(meta) as ScheduledMeta
}

/** An id in the agenda: a new one each time, or one made of the client's key, so that a repetition finds the entry. */
function entryIdOf(command: Command, { key, actor }: ScheduledOptions): string {
  return key === undefined ? Bun.randomUUIDv7() : hashText(clientKey(command, key, actor))
}

/** The id in the agenda, and the secret behind it. */
function splitId(id: string): readonly [string, string] {
  const [entryId = '', ...rest] = id.split('.')
  return [entryId, rest.join('.')]
}

function newSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(SECRET_BYTES))).toString('base64url')
}

/** Whether two texts are the same. The time it takes tells nothing about a secret. */
function isSame(one: string, other: string): boolean {
  return hashText(one) === hashText(other)
}
