import { inspect } from 'node:util'
import { type Paint, plain } from '../../lib/paint.ts'

/** The severities of a record, with their numbers in OpenTelemetry. */
const SEVERITY = { debug: 5, info: 9, warn: 13, error: 17 } as const
export type Level = keyof typeof SEVERITY
export const LEVELS = Object.keys(SEVERITY) as readonly Level[]

/** A record of what happened, with the names of OpenTelemetry's log records. Its fields stand beside these names. */
export type LogRecord = {
  readonly timestamp: string
  readonly severityText: string
  readonly severityNumber: number
  readonly body: string
  readonly error?: ErrorRecord
  readonly [field: string]: unknown
}

export type ErrorRecord = {
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  readonly cause?: ErrorRecord
}

/** How deep the causes of an error are recorded. */
const CAUSES_MAX = 5

/** Makes a record. `at` is in ms since 1970. */
export function logRecord(level: Level, body: string, fields: Readonly<Record<string, unknown>>, at: number): LogRecord {
  const timestamp = new Date(at).toISOString()
  return { timestamp, severityText: level.toUpperCase(), severityNumber: SEVERITY[level], body, ...fields }
}

/** Records whatever was thrown, with its causes. */
export function errorRecord(thrown: unknown, depth = 1): ErrorRecord {
  if (!(thrown instanceof Error)) return { name: 'Error', message: typeof thrown === 'string' ? thrown : inspect(thrown) }
  const { name, message, stack, cause } = thrown
  return { name, message, stack, ...(cause !== undefined && depth < CAUSES_MAX && { cause: errorRecord(cause, depth + 1) }) }
}

/** Whether a level is at or above another. */
export function isAtLeast(level: Level, least: Level): boolean {
  return SEVERITY[level] >= SEVERITY[least]
}

/** The text of a record for a person: what happened, its fields on a second line, and where an error was thrown. */
export function readableRecord(record: LogRecord, paint: Paint): string {
  const { timestamp, severityText: _, severityNumber, body, error, ...fields } = record
  const named = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${plain(String(value))}`],
  )
  return [
    `${paint.dim(timestamp.slice(11, 19))} ${paintLevel(record, paint)} ${plain(body)}`,
    ...(named.length ? [paint.dim(`  ${named.join(' ')}`)] : []),
    ...(error && severityNumber >= SEVERITY.error ? linesOf(error) : []),
  ].join('\n')
}

function paintLevel({ severityText, severityNumber }: LogRecord, paint: Paint): string {
  if (severityNumber >= SEVERITY.error) return paint.red(severityText)
  return severityNumber >= SEVERITY.warn ? paint.yellow(severityText) : paint.dim(severityText)
}

function linesOf({ name, message, stack, cause }: ErrorRecord): readonly string[] {
  const own = (stack ?? `${name}: ${message}`).split('\n').map(line => `  ${plain(line.trim())}`)
  return cause ? [...own, '  because of', ...linesOf(cause)] : own
}
