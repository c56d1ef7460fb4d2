// What the verbs that list things have in common: a page, and how to see the next one.
import { type Option, numberOf, type Values } from './verb.ts'

const LIMIT = 50

export const limitOption: Option = { takes: 'N', does: `at most so many (default: ${LIMIT})` }

export function limitOf(values: Values): number {
  return numberOf(values, 'limit', 1) ?? LIMIT
}

/** Tells whoever reads a table, on stderr, that there is more than it shows. */
export function more(how: string): void {
  console.error(`there may be more: ${how}`)
}
