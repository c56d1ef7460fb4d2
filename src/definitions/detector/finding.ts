// What a detector finds, by kind.
import type { RateCall } from './rate.ts'

/** What all findings have. Times are in ms since 1970. */
export type FindingBasis = {
  /** What it is about: the type of the events, `order.Placed`, or of what nodes count, `command order.place`. */
  readonly subject: string
  /** When it began, when it was found, and when it was over. Null: it is open. */
  readonly since: number
  readonly openedAt: number
  readonly closedAt: number | null
  /** The positions of up to three events: the last ones before it was found. */
  readonly examples: readonly number[]
  /** How many calls a year its watch makes by chance, as far as its own past tells. */
  readonly falseCallsInYear: number
}

/** The rate of a type of events, of a command or of a rejection has changed. */
export type RateFinding = FindingBasis & RateCall & { readonly kind: 'rate' }

export type Finding = RateFinding

/** What tells a finding of a detector from its others. It stays the same when the finding closes. */
export function findingKey({ kind, subject, openedAt }: Finding): string {
  return `${kind} ${subject} ${openedAt}`
}
