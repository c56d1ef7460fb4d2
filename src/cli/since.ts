// The option --since: a time, or how long ago.
import { milliseconds } from '../definitions/event/duration.ts'
import { readTime, TIME_EXPECTED } from '../definitions/event/time.ts'
import { plain } from '../lib/paint.ts'
import { Misused, textOf, type Values } from './verb.ts'

/** In ms since 1970. Undefined: it is not given. */
export function sinceOf(values: Values, now: number): number | undefined {
  const text = textOf(values, 'since')
  if (text === undefined) return undefined
  const time = readTime(text)
  return Number.isNaN(time) ? now - lengthOf(text) : time
}

function lengthOf(text: string): number {
  try {
    return milliseconds(text)
  } catch {
    throw new Misused(`--since: ${TIME_EXPECTED}, or a length such as '2 hours'; found ${plain(text)}`)
  }
}
