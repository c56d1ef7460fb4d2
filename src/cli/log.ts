// Writes one JSON object a line to stdout, with the names of OpenTelemetry's log records; at a terminal, plain lines.
const SEVERITY = { debug: 5, info: 9, warn: 13, error: 17 } as const
export type Level = keyof typeof SEVERITY
export type Logger = (level: Level, body: string, attributes?: Readonly<Record<string, unknown>>) => void

/** Makes a logger that writes messages at or above a level. */
export function logger(least: Level): Logger {
  return (level, body, attributes = {}) => {
    if (SEVERITY[level] < SEVERITY[least]) return
    const record = {
      timestamp: new Date().toISOString(),
      severityText: level.toUpperCase(),
      severityNumber: SEVERITY[level],
      body,
      ...attributes,
    }
    console.log(process.stdout.isTTY ? `${level === 'info' ? '' : `${level}: `}${body}` : JSON.stringify(record))
  }
}
