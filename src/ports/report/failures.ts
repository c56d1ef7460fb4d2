// What fails now, since when, and what failed last, as the records of this process say it.
import { isAtLeast } from './record.ts'
import { Notice, type NoticeFields, type Report, watchReport } from './notice.ts'
import { subjectsOf } from './subjects.ts'

/** Something that fails and is tried again and again. */
export type OpenFailure = {
  /** What fails, as the beginning of a sentence: `orders_v1 could not save its rows`. */
  readonly what: string
  /** RFC 3339. */
  readonly since: string
  readonly error: string
  readonly fields: NoticeFields
}
/** The last warning or error about something. `at` is RFC 3339. */
export type LastError = { readonly at: string; readonly code: string; readonly message: string }

/** The most things of which a failure is remembered. */
export const FAILURES_MAX = 1_000

export class Failures {
  readonly #now: () => number
  readonly #open = new Map<string, OpenFailure & { readonly times: number }>()
  readonly #last = new Map<string, LastError>()

  /** `now`: in ms since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** What fails now, in the order in which it began. */
  get open(): readonly OpenFailure[] {
    return [...this.#open.values()].map(({ times: _, ...failure }) => failure)
  }

  /** The last warning or error about one of these subjects: `subscription orders_v1`, `part log`. Null: there was none. */
  last(subjects: readonly string[]): LastError | null {
    const found = subjects.flatMap(subject => this.#last.get(subject) ?? [])
    return found.toSorted((one, other) => one.at.localeCompare(other.at)).at(-1) ?? null
  }

  /** What fails now of one of these subjects. Null: nothing does. */
  openOf(subjects: readonly string[]): OpenFailure | null {
    return this.open.find(({ fields }) => subjectsOf(fields).some(subject => subjects.includes(subject))) ?? null
  }

  /** Gives a report that remembers failures, and passes everything on. */
  observe(report: Report): Report {
    return watchReport(report, problem => {
      if (problem instanceof Notice) this.#see(problem, new Date(this.#now()).toISOString())
    })
  }

  #see(notice: Notice, at: string): void {
    const { episode, code, fields, level, message } = notice
    if (episode !== undefined) this.#seeEpisode(episode, notice, at)
    if (isAtLeast(level, 'warn'))
      for (const subject of subjectsOf(fields))
        putWithin(this.#last, subject, { at, code, message: textOfCause(notice) ?? message })
  }

  /** Several that fail at once in the same way, such as two readers, are one failure until the last one is over. */
  #seeEpisode(what: string, notice: Notice, at: string): void {
    const known = this.#open.get(what)
    if (notice.code === 'retry-ended') {
      if (known && known.times > 1) this.#open.set(what, { ...known, times: known.times - 1 })
      else this.#open.delete(what)
      return
    }
    const error = textOfCause(notice) ?? notice.message
    const since = known?.since ?? at
    putWithin(this.#open, what, { what, since, error, fields: notice.fields, times: (known?.times ?? 0) + 1 })
  }
}

function textOfCause({ cause }: Notice): string | null {
  if (cause === undefined) return null
  return cause instanceof Error ? cause.message : String(cause)
}

/** Sets a value, and forgets the oldest where there are too many. */
function putWithin<T>(values: Map<string, T>, name: string, value: T): void {
  values.set(name, value)
  if (values.size > FAILURES_MAX) values.delete(values.keys().next().value!)
}
