import { isAtLeast, type Level, logRecord } from '../ports/report/record.ts'

export type Logger = (level: Level, body: string, attributes?: Readonly<Record<string, unknown>>) => void

/** Makes a logger that writes messages at or above a level: one JSON record a line on stdout; at a terminal, plain lines. */
export function logger(least: Level): Logger {
  return (level, body, attributes = {}) => {
    if (!isAtLeast(level, least)) return
    const record = logRecord(level, body, attributes, Date.now())
    console.log(process.stdout.isTTY ? `${level === 'info' ? '' : `${level}: `}${body}` : JSON.stringify(record))
  }
}
