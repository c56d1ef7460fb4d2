import { Notice, type Report } from './notice.ts'
import { errorRecord, isAtLeast, type Level, type LogRecord, logRecord, readableRecord } from './record.ts'

export type PrintOptions = {
  /** Writes a line to where people or collectors read. Default: standard error. */
  readonly write?: (line: string) => unknown
  /** Prints for a person instead of a collector. Default: whether standard error is a terminal. */
  readonly isTerminal?: boolean
  /** Prints nothing below this level. Default: `info`. */
  readonly least?: Level
  /** Default: the machine's clock. */
  readonly now?: () => number
}

/** Makes a `report` that prints a JSON record a line, or, on a terminal, text that is easy to read. */
export function printReports({
  write = line => process.stderr.write(line),
  isTerminal = process.stderr.isTTY,
  least = 'info',
  now = Date.now,
}: PrintOptions = {}): Report {
  const format = isTerminal ? readableRecord : (record: LogRecord) => JSON.stringify(record)
  return problem => {
    const level = problem instanceof Notice ? problem.level : 'error'
    if (isAtLeast(level, least)) write(`${format(recordOf(problem, now()))}\n`)
  }
}

/** Makes the record of a problem. An error that is no notice has the code `unexpected`. */
function recordOf(problem: unknown, at: number): LogRecord {
  if (!(problem instanceof Notice)) {
    const error = errorRecord(problem)
    return logRecord('error', error.message, { code: 'unexpected', error }, at)
  }
  const { level, code, message, fields, cause } = problem
  return logRecord(level, message, { code, ...fields, ...(cause !== undefined && { error: errorRecord(cause) }) }, at)
}
