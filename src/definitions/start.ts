import { readTime, TIME_EXPECTED, type ZonedTime } from './event/time.ts'

/**
 * Where a process or a processor begins that is new to a log: at its beginning, at its end (`now`), after a position, or
 * with the first event at or after a time (RFC 3339 with its zone, or a Date).
 */
export type Start = 'beginning' | 'now' | number | { readonly at: ZonedTime | Date }

/** A start as the framework keeps it: times are in ms since 1970. Null: it is not said. */
export type CompiledStart = 'beginning' | 'now' | number | { readonly atMs: number } | null

/** Checks a start. Throws a TypeError for any other value. */
export function compileStart(where: string, start: Start | { readonly at: string } | undefined): CompiledStart {
  if (start === undefined) return null
  if (start === 'beginning' || start === 'now') return start
  if (typeof start === 'number' && Number.isSafeInteger(start) && start >= 0) return start
  const time: unknown = typeof start === 'object' ? (start as { readonly at?: unknown } | null)?.at : undefined
  const atMs = readTime(time)
  if (!Number.isNaN(atMs)) return { atMs }
  throw new TypeError(
    `${where}: start is 'beginning', 'now', a position or { at: time }: ${TIME_EXPECTED}; found ${Bun.inspect(start)}`,
  )
}
