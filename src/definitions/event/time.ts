// Reads times. Without a zone nobody knows the moment: the engine would take the zone of the machine.

/** A time as RFC 3339, with Z or an offset: `2030-01-31T12:00:00Z`, `2030-01-31T13:00:00+01:00`. */
export type ZonedTime = `${string}T${string}Z` | `${string}T${string}${'+' | '-'}${string}:${string}`

/** A time as it was written, unless it was written without its zone. A text that is not known yet is read when it comes. */
export type Zoned<T extends string | Date> = string extends T
  ? T
  : T extends ZonedTime | Date
    ? T
    : 'a time has its zone, such as 2030-01-31T12:00:00Z'

/** What every refusal of a time says. */
export const TIME_EXPECTED = 'expected a time with its zone, such as 2030-01-31T12:00:00Z or 2030-01-31T13:00:00+01:00'

const TIME = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/i

/** Reads a time in ms since 1970. NaN: it is none, has no zone, or its day does not exist. */
export function readTime(time: unknown): number {
  if (time instanceof Date) return time.getTime()
  const day = typeof time === 'string' && TIME.exec(time)?.[1]
  if (!day) return Number.NaN
  // The engine makes 2 March of 30 February.
  const dayMs = Date.parse(day)
  return Number.isNaN(dayMs) || new Date(dayMs).toISOString().slice(0, 10) !== day ? Number.NaN : Date.parse(time as string)
}
