import { paintFor } from '../../lib/paint.ts'
import { DEFAULT_LEVELS, isTaken, type Levels } from './levels.ts'
import { kindOf, type Report } from './notice.ts'
import { recordOf } from './notice-record.ts'
import { type Level, readableRecord } from './record.ts'

export type PrintOptions = {
  /** Writes a line to where people or collectors read. Default: standard error. */
  readonly write?: (line: string) => unknown
  /** Whether a person reads: the default format is `text` then, and has colours unless NO_COLOR is set. */
  readonly isTerminal?: boolean
  /** `json`: a JSON record a line, for a collector. `text`: for a person. Default: by `isTerminal`. */
  readonly format?: 'json' | 'text' | undefined
  /** Which records are printed now. Default: those from `info` on. */
  readonly levels?: () => Levels
  /** Texts that are hidden wherever they stand. Default: none. */
  readonly secrets?: readonly string[]
  /** Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Default: the machine's clock. */
  readonly now?: () => number
}

/** Makes a `report` that prints a JSON record a line, or, on a terminal, text that is easy to read. */
export function printReports({
  write = line => process.stderr.write(line),
  isTerminal = process.stderr.isTTY,
  format = isTerminal ? 'text' : 'json',
  levels = () => DEFAULT_LEVELS,
  secrets = [],
  environment = process.env,
  now = Date.now,
}: PrintOptions = {}): Report {
  const paint = paintFor({ isTTY: isTerminal }, environment)
  const print = (problem: unknown) => {
    const { level, code } = kindOf(problem)
    if (!isTaken(levels(), level, code)) return
    const record = recordOf(problem, now(), secrets)
    write(`${format === 'json' ? JSON.stringify(record) : readableRecord(record, paint)}\n`)
  }
  return Object.assign(print, { wants: (level: Level, code: string) => isTaken(levels(), level, code) })
}
