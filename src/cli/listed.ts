// Shared by the verbs that list things: the size of a page, and the hint for the next one.
import { type Option, numberOf, type Values } from './verb.ts'

const LIMIT = 50

export const limitOption: Option = { takes: 'N', does: `at most N (default: ${LIMIT})` }

export function limitOf(values: Values): number {
  return numberOf(values, 'limit', 1) ?? LIMIT
}

/** Tells on stderr that there are more rows, and how to see them. */
export function hintMore(how: string): void {
  console.error(`there may be more: ${how}`)
}
