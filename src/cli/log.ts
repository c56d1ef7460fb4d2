import { type Config, levelsOf } from '../config.ts'
import { isAtLeast, type Level, logRecord } from '../ports/report/record.ts'

export type Logger = (level: Level, body: string, attributes?: Readonly<Record<string, unknown>>) => void

/** Makes a logger that writes messages from a level on, on stdout: one JSON record a line, or plain lines for a person. */
export function logger(config: Config): Logger {
  const { least } = levelsOf(config)
  const isText = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'text' : 'json')) === 'text'
  return (level, body, attributes = {}) => {
    if (!isAtLeast(level, least)) return
    const record = logRecord(level, body, attributes, Date.now())
    console.log(isText ? `${level === 'info' ? '' : `${level}: `}${body}` : JSON.stringify(record))
  }
}
