// Names what nodes count that is not in the log. A subject is a word for what is counted, and a name: `command order.place`.
import type { Families } from '../event/families.ts'

/** What is watched of commands as events are: how often it comes. */
export type RateKind = 'command' | 'rejection'
/** What is watched as a share: rejected commands among all, lost decisions among all, and events for each command. */
export type RatioKind = 'rejected' | 'conflicts' | 'events'
/** What is watched by its logarithm: how long events wait for their effects, and how many events wait. */
export type LevelKind = 'delay' | 'lag'
/** What nodes count. `decisions` and `accepted` are what shares are of. `delay-logs` and `lag-logs` are sums of logarithms. */
export type SampleKind = RateKind | RatioKind | 'decisions' | 'accepted' | LevelKind | `${LevelKind}-logs`

export function sampleSubject(kind: SampleKind, name: string): string {
  return `${kind} ${name}`
}

/** The first word of a subject. A type of events has none: ''. */
export function wordOfSubject(subject: string): string {
  return subject.slice(0, Math.max(0, subject.indexOf(' ')))
}

export function nameOfSubject(subject: string): string {
  return subject.slice(subject.indexOf(' ') + 1)
}

/** What is counted as events are. Null: it is a type of events, or a part of a share. */
export function rateKindOf(subject: string): RateKind | null {
  const word = wordOfSubject(subject)
  return word === 'command' || word === 'rejection' ? word : null
}

/** Whether a detector of these families watches a subject: one of a decider that writes to them, or of a subscription. */
export function isWatchedSubject(families: Pick<Families, 'has'>, subject: string): boolean {
  return wordOfSubject(subject) !== '' && families.has(nameOfSubject(subject).split('.', 1)[0]!)
}
