// Notes who was refused what, off the path of commands: in batches, once a second, and no more than there is room for.
import { REFUSALS_KEEP_MS, REFUSALS_MAX, REFUSALS_OF_KIND_MAX } from '../ports/refusals/bounds.ts'
import type { NewRefusal, RefusalRecord, Refusals } from '../ports/refusals/refusals.ts'
import { Episode } from '../ports/report/episode.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { CommandObserver } from './observer.ts'
import type { Outcome, Refused } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'

/** How often what was noted is written, in ms. A process that is killed loses no more than that. */
const WRITE_EVERY_MS = 1_000
/** How many of one command and code are written each time. The others are only counted. */
export const KIND_BATCH_MAX = 20
/** How many are written each time. The others are lost, and that is reported. */
export const BATCH_MAX = 200
/** What is beyond the bounds is deleted so often, in ms, and after so many were written. */
const FORGET_EVERY_MS = 60 * 60 * 1_000
const FORGET_AFTER = 1_000
const LIST_LIMIT = 100
const TEXT_LENGTH_MAX = 1_000

export type RefusalLogOptions = {
  readonly refusals: Refusals
  /** Whether refusals are recorded. Old ones are deleted all the same. Default: true. */
  readonly isOn?: boolean | undefined
  /** In ms since 1970. */
  readonly now: () => number
  readonly report: Report
}

/** Which refusals to list. Default: all of the last week, at most 100, the newest first. */
export type RefusalsOptions = {
  /** `order.place` */
  readonly command?: string
  readonly code?: string
  readonly actor?: string
  readonly since?: Date
  readonly limit?: number
}

export type RefusalReads = {
  /**
   * Lists commands that were refused in the last week, the newest first: by `decide`, or by a rule of `authorize`. The
   * newest 1 000 of a command and code are kept, and the newest 10 000 of all.
   */
  readonly refusals: (options?: RefusalsOptions) => Promise<readonly RefusalRecord[]>
}

export type RefusalParts = RefusalReads & { readonly refusalLog: RefusalLog }

/** A refusal as its place knows it. */
export type NotedRefusal = Omit<NewRefusal, 'at' | 'more'>

type Batch = {
  readonly noted: NewRefusal[]
  /** By command and code: how many were noted, and how many more came. */
  readonly kinds: Map<string, { first: NewRefusal; count: number }>
}

export class RefusalLog {
  readonly #options: RefusalLogOptions
  readonly #writes: Episode
  readonly #forgets: Episode
  readonly #forgetting: Timer
  #batch: Batch = newBatch()
  #timer: Timer | null = null
  #writing: Promise<void> = Promise.resolve()
  /** How many were lost since some were. */
  #lost = 0
  #isFull = false
  #writtenSinceForgotten = FORGET_AFTER

  constructor(options: RefusalLogOptions) {
    this.#options = options
    const { report } = options
    const mend = 'Commands are answered all the same.'
    this.#writes = new Episode({ report, what: 'Refused commands are not all recorded', mend })
    this.#forgets = new Episode({ report, what: 'Old records of refused commands could not be deleted', mend: NOT_SHOWN })
    this.#forgetting = setInterval(() => void this.#forget(), FORGET_EVERY_MS)
    this.#forgetting.unref()
  }

  /** Notes a refusal. It waits for nothing. */
  note(refusal: NotedRefusal): void {
    if (this.#options.isOn === false) return
    const { noted, kinds } = this.#batch
    const key = `${refusal.command} ${refusal.code}`
    const kind = kinds.get(key)
    if (kind && kind.count++ >= KIND_BATCH_MAX) return
    if (noted.length >= BATCH_MAX) {
      this.#isFull = true
      this.#lost++
      return
    }
    const one = { ...refusal, at: Math.floor(this.#options.now()), more: 0 }
    noted.push(one)
    if (!kind) kinds.set(key, { first: one, count: 1 })
    this.#timer ??= setTimeout(() => void this.write(), WRITE_EVERY_MS).unref()
  }

  /** An observer that also notes the commands whose outcome is a refusal. */
  observe(observer: CommandObserver): CommandObserver {
    if (this.#options.isOn === false) return observer
    return {
      ...observer,
      ended: (command, outcome) => {
        observer.ended(command, outcome)
        this.#noteOutcome(command, outcome)
      },
    }
  }

  /** A rejection that is replayed was noted when it was made. */
  #noteOutcome(command: PendingCommand, outcome: Outcome | Refused | null): void {
    if (outcome?.outcome === 'refused') this.note({ ...subjectOf(command), ...refusalByRule(outcome.isHidden) })
    else if (outcome?.outcome === 'later' || (outcome?.outcome === 'rejected' && !outcome.replayed)) {
      const text = command.decider.rejections.get(outcome.code)?.title ?? null
      this.note({ ...subjectOf(command), by: 'decide', code: outcome.code, text })
    }
  }

  /** Writes what was noted. What cannot be written is lost, and that is reported. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeBatch())
    return this.#writing
  }

  /** Lists refusals, also those of this process that were not written yet. */
  async list({ since, limit = LIST_LIMIT, ...filter }: RefusalsOptions = {}): Promise<readonly RefusalRecord[]> {
    await this.write()
    const { refusals, now } = this.#options
    return refusals.list({ ...filter, limit, since: Math.max(since?.getTime() ?? 0, Math.floor(now()) - REFUSALS_KEEP_MS) })
  }

  async close(): Promise<void> {
    clearInterval(this.#forgetting)
    await this.write()
    this.#reportLost()
  }

  async #writeBatch(): Promise<void> {
    const [batch, isFull] = [recordsOf(this.#batch), this.#isFull]
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#batch = newBatch()
    this.#isFull = false
    if (!batch.length) return
    try {
      await this.#options.refusals.add(batch)
      if (isFull) this.#writes.fail(new Error(`more than ${BATCH_MAX} came before they could be written`))
      else this.#endLosing()
    } catch (error) {
      this.#lost += batch.reduce((sum, { more }) => sum + 1 + more, 0)
      this.#writes.fail(error)
    }
    this.#writtenSinceForgotten += batch.length
    if (this.#writtenSinceForgotten >= FORGET_AFTER) await this.#forget()
  }

  #endLosing(): void {
    this.#reportLost()
    this.#writes.succeed()
  }

  #reportLost(): void {
    if (this.#lost === 0) return
    const fields = { refusals: this.#lost }
    this.#lost = 0
    const message = `${fields.refusals} refused commands were not recorded. Their callers got their answers.`
    this.#options.report(new Notice({ level: 'warn', code: 'refusals-lost', message, fields }))
  }

  async #forget(): Promise<void> {
    this.#writtenSinceForgotten = 0
    const { refusals, now } = this.#options
    const after = Math.floor(now()) - REFUSALS_KEEP_MS
    try {
      await refusals.forget({ after, ofKind: REFUSALS_OF_KIND_MAX, all: REFUSALS_MAX })
      this.#forgets.succeed()
    } catch (error) {
      this.#forgets.fail(error)
    }
  }
}

const NOT_SHOWN = 'Nobody is shown them meanwhile.'

/** What a rule that refuses a caller is, in a record. */
export function refusalByRule(isHidden: boolean): Pick<NotedRefusal, 'by' | 'code' | 'text'> {
  return { by: 'rule', code: isHidden ? 'hidden' : 'forbidden', text: null }
}

function newBatch(): Batch {
  return { noted: [], kinds: new Map() }
}

function subjectOf({ decider, command, stream, actor, meta }: PendingCommand): Omit<NotedRefusal, 'by' | 'code' | 'text'> {
  const traceId = meta.traceparent?.split('-')[1] ?? null
  return { command: `${decider.name}.${command.command}`, stream, actor, correlation: meta.correlation, traceId }
}

/** The records of a batch. The first of a kind says how many more came than were noted. */
function recordsOf({ noted, kinds }: Batch): readonly NewRefusal[] {
  const more = new Map([...kinds.values()].map(({ first, count }) => [first, Math.max(0, count - KIND_BATCH_MAX)]))
  return noted.map(one => storable({ ...one, more: more.get(one) ?? 0 }))
}

/** The refusal with texts that every database can store. */
function storable(refusal: NewRefusal): NewRefusal {
  const entries = Object.entries(refusal).map(([name, value]) => [name, typeof value === 'string' ? storableText(value) : value])
  return Object.fromEntries(entries) as NewRefusal
}

function storableText(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX).toWellFormed().replaceAll('\0', '\ufffd')
}
