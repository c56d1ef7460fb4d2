// How many events to ask the log for at once, so that neither many small ones nor few large ones are too much or too little.
import type { StoredEvent } from '../ports/store/event.ts'

/** How many events the first read asks for, before it is known how large they are, and how many one asks for at most. */
export const READ_EVENTS_FIRST = 64
const READ_EVENTS_MAX = 1_000
/** How much one read should bring, in UTF-16 units of the events' texts, where nothing else is wanted. */
export const READ_SIZE = 1_048_576

/** How many to ask for after a page: twice as many, as long as that many of its kind are not too much. */
export function limitAfter(limit: number, page: readonly StoredEvent[], wanted: number = READ_SIZE): number {
  if (!page.length) return limit
  const size = page.reduce((sum, { data, meta }) => sum + data.length + meta.length, 0)
  const fitting = Math.floor((wanted * page.length) / Math.max(size, 1))
  return Math.max(1, Math.min(limit * 2, fitting, READ_EVENTS_MAX))
}
