// Names what nodes count that is not in the log. A subject is what is counted, and of whom: `command order.place`.
import type { Families } from '../event/families.ts'

/** What is watched of commands as events are: how often it comes. */
export type RateKind = 'command' | 'rejection'

export function sampleSubject(kind: RateKind, name: string): string {
  return `${kind} ${name}`
}

/** What a subject counts. Null: it is a type of events. */
export function kindOfSubject(subject: string): RateKind | null {
  const end = subject.indexOf(' ')
  const kind = end < 0 ? '' : subject.slice(0, end)
  return KINDS.find(one => one === kind) ?? null
}
const KINDS: readonly RateKind[] = ['command', 'rejection']

/** The decider whose commands a subject counts. */
export function deciderOfSubject(subject: string): string {
  return subject.slice(subject.indexOf(' ') + 1).split('.', 1)[0]!
}

/** Whether a detector of these families watches a subject: one of a decider that writes to them. */
export function isWatchedSubject(families: Pick<Families, 'has'>, subject: string): boolean {
  return kindOfSubject(subject) !== null && families.has(deciderOfSubject(subject))
}
