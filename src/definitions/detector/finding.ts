// What a detector finds, by kind.
import type { DelayCall } from './delay.ts'
import type { RateCall } from './rate.ts'
import type { RatioCall } from './ratio.ts'

/** What all findings have. Times are in ms since 1970. */
export type FindingBasis = {
  /** What it is about: the type of the events, `order.Placed`, or of what nodes count, `command order.place`. */
  readonly subject: string
  /** When it began, when it was found, and when it was over. Null: it is open. */
  readonly since: number
  readonly openedAt: number
  readonly closedAt: number | null
  /** The positions of up to three events: the last ones before it was found, or the first ones of a new order. */
  readonly examples: readonly number[]
  /** How many calls a year its watch makes by chance, as far as its own past tells. */
  readonly falseCallsInYear: number
}

/** The rate of a type of events, of a command or of a rejection has changed. */
export type RateFinding = FindingBasis & RateCall & { readonly kind: 'rate' }

/** A share has changed, such as that of rejected commands: `rejected order.place`. */
export type RatioFinding = FindingBasis & RatioCall & { readonly kind: 'ratio' }

/**
 * Events wait longer for their effects, `delay order.orders`, of the events of `order` in `orders`; or more of them wait,
 * `lag order.orders`.
 */
export type DelayFinding = FindingBasis & DelayCall & { readonly kind: 'delay' }

/** A type followed another one in a stream that it had never followed. There is one finding for each two of them. */
export type OrderFinding = FindingBasis & {
  readonly kind: 'order'
  /** The type before: `order.Placed`, or `order begin` for the begin of a stream. */
  readonly after: string
  /** How often it followed in this finding, and how many events had followed `after` before, none of them of this type. */
  readonly seen: number
  readonly eventsBefore: number
  /** The share of such events that was expected then: how likely the call is a false one, for each event after `after`. */
  readonly unseenShare: number
}

export type Finding = RateFinding | RatioFinding | DelayFinding | OrderFinding

/** What tells a finding of a detector from its others. It stays the same when the finding closes. */
export function findingKey(finding: Finding): string {
  const { kind, subject, openedAt } = finding
  return `${kind} ${kind === 'order' ? `${finding.after} ` : ''}${subject} ${openedAt}`
}

/** How many findings of a subject are kept. */
export const FINDINGS_MAX = 200

/** Adds a finding. One that is closed takes the place of the open one, whose examples it keeps. */
export function noteFinding<F extends FindingBasis>(findings: readonly F[], found: F): readonly F[] {
  if (found.closedAt === null) return [...findings, found].slice(-FINDINGS_MAX)
  return findings.map(one => (one.openedAt === found.openedAt ? { ...one, closedAt: found.closedAt } : one))
}
