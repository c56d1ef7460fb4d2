// What fails now, since when, and what failed last, as the records of this process say it.
import { isAtLeast } from './record.ts'
import { Notice, type NoticeFields, type Report, type RetryState, watchReport } from './notice.ts'
import { subjectsOf } from './subjects.ts'

/** Something that fails and is tried again and again. */
export type OpenFailure = {
  /** What fails, as the beginning of a sentence: `orders_v1 could not save its rows`. */
  readonly what: string
  /** RFC 3339. */
  readonly since: string
  /** The latest one, and when it was, in RFC 3339. */
  readonly error: string
  readonly errorAt: string
  /** How often it has failed since it last succeeded. */
  readonly failures: number
  readonly fields: NoticeFields
}
/**
 * The last warning or error about something. `at` is RFC 3339. What is tried again and again has its latest error, the
 * time of its first one, and how often it failed.
 */
export type LastError = {
  readonly at: string
  readonly code: string
  readonly message: string
  readonly since?: string
  readonly failures?: number
}

/** A notice of a failure. `at`: in ms since 1970. */
type Told = { readonly notice: Notice; readonly at: number }
/** Those that fail alike. `since`: in ms since 1970. */
type Open = { readonly since: number; readonly all: readonly Told[] }

/** The most things of which a failure is remembered. */
export const FAILURES_MAX = 1_000
/** The most that fail alike of which each is remembered. */
const ALIKE_MAX = 100

export class Failures {
  readonly #now: () => number
  readonly #open = new Map<string, Open>()
  readonly #last = new Map<string, Told>()

  /** `now`: in ms since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** What fails now, in the order in which it began. */
  get open(): readonly OpenFailure[] {
    return [...this.#open].map(([what, open]) => this.#failureOf(what, open))
  }

  /** The last warning or error about one of these subjects: `subscription orders_v1`, `part log`. Null: there was none. */
  last(subjects: readonly string[]): LastError | null {
    const found = subjects.flatMap(subject => this.#last.get(subject) ?? [])
    const [last] = found.map(told => this.#errorOf(told)).toSorted((one, other) => other.at.localeCompare(one.at))
    return last ?? null
  }

  /** What fails now of one of these subjects. Null: nothing does. */
  openOf(subjects: readonly string[]): OpenFailure | null {
    return this.open.find(({ fields }) => subjectsOf(fields).some(subject => subjects.includes(subject))) ?? null
  }

  /** Gives a report that remembers failures, and passes everything on. */
  observe(report: Report): Report {
    return watchReport(report, problem => {
      if (problem instanceof Notice) this.#see(problem, this.#now())
    })
  }

  #see(notice: Notice, at: number): void {
    const { episode, fields, level } = notice
    if (episode !== undefined) this.#seeEpisode(episode, { notice, at })
    if (isAtLeast(level, 'warn')) for (const subject of subjectsOf(fields)) putWithin(this.#last, subject, { notice, at })
  }

  /** Several that fail at once in the same way, such as two readers, are one failure until the last one is over. */
  #seeEpisode(what: string, told: Told): void {
    const { since, all } = this.#open.get(what) ?? { since: told.at, all: [] }
    if (told.notice.code !== 'retry-ended') return putWithin(this.#open, what, { since, all: [...all, told].slice(-ALIKE_MAX) })
    const over = all.find(({ notice }) => notice.retries?.().isOver) ?? all.at(-1)
    const left = all.filter(one => one !== over)
    if (left.length) this.#open.set(what, { since, all: left })
    else this.#open.delete(what)
  }

  #failureOf(what: string, { since, all }: Open): OpenFailure {
    const errors = all.map(told => this.#errorOf(told))
    const [latest] = errors.toSorted((one, other) => other.at.localeCompare(one.at))
    const failures = errors.reduce((sum, one) => sum + (one.failures ?? 1), 0)
    const { message: error, at: errorAt } = latest!
    return { what, since: timeOf(since), error, errorAt, failures, fields: all[0]!.notice.fields }
  }

  #errorOf({ notice, at }: Told): LastError {
    const { code, message, retries } = notice
    if (!retries) return { at: timeOf(at), code, message: textOfCause(notice.cause) ?? message }
    const { failures, latest }: RetryState = retries()
    const latestAt = timeOf(Math.max(at, Math.round(this.#now() - latest.agoMs)))
    return { at: latestAt, code, message: textOfCause(latest.error) ?? message, since: timeOf(at), failures }
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function textOfCause(cause: unknown): string | null {
  if (cause === undefined) return null
  return cause instanceof Error ? cause.message : String(cause)
}

/** Sets a value, and forgets the oldest where there are too many. */
function putWithin<T>(values: Map<string, T>, name: string, value: T): void {
  values.set(name, value)
  if (values.size > FAILURES_MAX) values.delete(values.keys().next().value!)
}
