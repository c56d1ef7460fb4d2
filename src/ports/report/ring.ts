// The last records of this process, in memory, for whoever asks a running process what it said.
import { recordOf } from './notice-record.ts'
import { kindOf, Notice, type Report, watchReport } from './notice.ts'
import { isAtLeast, type Level } from './record.ts'

/** How many records are kept, and of how many characters. The oldest ones are forgotten. */
export const RING_RECORDS_MAX = 2_000
export const RING_CHARACTERS_MAX = 4_194_304

/** A record as JSON, with what it is found by. `nth` counts the records of this process from 1 on. */
export type RingRecord = {
  readonly nth: number
  readonly level: Level
  readonly code: string
  readonly correlation: string | null
  readonly json: string
}

/** Which records somebody asks for. `codes`: each is a code, or the beginning of some; none: all. Null: any. */
export type RecordFilter = {
  readonly least: Level
  readonly codes: readonly string[]
  readonly correlation: string | null
}

export type RecordRingOptions = {
  /** Texts that are hidden wherever they stand. Default: none. */
  readonly secrets?: () => readonly string[]
  /** In ms since 1970. Default: the machine's clock. */
  readonly now?: () => number
}

export class RecordRing {
  /** Tells the records of this process from those of another one with the same numbers. */
  readonly id: string = Bun.randomUUIDv7().replaceAll('-', '')
  readonly #options: RecordRingOptions
  readonly #records: RingRecord[] = []
  readonly #listeners = new Set<() => void>()
  #characters = 0
  #last = 0

  constructor(options: RecordRingOptions = {}) {
    this.#options = options
  }

  /** The number of the last record; 0: there was none. */
  get last(): number {
    return this.#last
  }

  /** Gives a report that keeps each record, and passes everything on. */
  observe(report: Report): Report {
    return watchReport(report, problem => this.#keep(problem))
  }

  /** The records that pass, after a number, the oldest first. */
  after(nth: number, filter: RecordFilter): readonly RingRecord[] {
    const first = this.#records[0]?.nth ?? 0
    return this.#records.slice(Math.max(0, nth + 1 - first)).filter(record => passes(record, filter))
  }

  /** Calls a listener after each record. Gives the function that ends this. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #keep(problem: unknown): void {
    const { secrets = () => [], now = Date.now } = this.#options
    const { level, code } = kindOf(problem)
    const json = JSON.stringify(recordOf(problem, now(), secrets()))
    this.#records.push({ nth: ++this.#last, level, code, correlation: correlationOf(problem), json })
    this.#characters += json.length
    while (this.#records.length > RING_RECORDS_MAX || this.#characters > RING_CHARACTERS_MAX)
      this.#characters -= this.#records.shift()!.json.length
    for (const listener of this.#listeners) listener()
  }
}

function correlationOf(problem: unknown): string | null {
  const correlation = problem instanceof Notice ? problem.fields['correlation'] : null
  return typeof correlation === 'string' ? correlation : null
}

function passes({ level, code, correlation }: RingRecord, filter: RecordFilter): boolean {
  const isOfCode = filter.codes.length === 0 || filter.codes.some(name => code === name || code.startsWith(`${name}-`))
  const isCorrelated = filter.correlation === null || filter.correlation === correlation
  return isOfCode && isCorrelated && isAtLeast(level, filter.least)
}
