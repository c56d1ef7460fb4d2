// How many events to ask the log for at once: not too many large ones, and not too few small ones.
import type { StoredEvent } from '../ports/store/event.ts'

/** How many events the first read asks for, while their size is unknown, and the most that one read asks for. */
export const READ_EVENTS_FIRST = 64
const READ_EVENTS_MAX = 1_000
/** The size that one read should bring by default, in UTF-16 units of the events' texts. */
export const READ_SIZE = 1_048_576

/** How many events to ask for after a page: twice as many, unless so many of their kind would be too much. */
export function limitAfter(limit: number, page: readonly StoredEvent[], wanted: number = READ_SIZE): number {
  if (!page.length) return limit
  const size = page.reduce((sum, { data, meta }) => sum + data.length + meta.length, 0)
  const fitting = Math.floor((wanted * page.length) / Math.max(size, 1))
  return Math.max(1, Math.min(limit * 2, fitting, READ_EVENTS_MAX))
}
