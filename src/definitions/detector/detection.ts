// Detects over all types at once: takes counted hours in the order of time, and closes them.
import type { Finding } from './finding.ts'
import type { HourCount } from './hour-row.ts'
import { type OrderSight, OrderWatch } from './order.ts'
import { closeHours, rateFindingsAt, startSubject, type SubjectSight, type SubjectState, subjectSight } from './rate-findings.ts'
import { HOUR_MS } from './settings.ts'

export class Detection {
  readonly #threshold: number
  readonly #order = new OrderWatch()
  readonly #subjects = new Map<string, SubjectState>()
  /** The hours that are not closed, in the order of time. */
  #counts: readonly HourCount[] = []
  /** Up to when hours are closed, in ms since 1970. */
  #closedUntil = 0

  constructor(threshold: number) {
    this.#threshold = threshold
  }

  /** The begin of the first hour that is not closed. */
  get hour(): number {
    return this.#closedUntil - (this.#closedUntil % HOUR_MS)
  }

  /** Takes counts that are not before those that it has. */
  add(counts: readonly HourCount[]): void {
    this.#counts = [...this.#counts, ...counts]
  }

  /** Forgets what is not closed, because it is counted further. */
  forgetOpenHours(): void {
    this.#counts = []
  }

  /** Closes all hours that end at `until` or before. All of their events have to be counted. */
  close(until: number): void {
    if (until <= this.#closedUntil) return
    const bySubject = Map.groupBy(this.#counts, ({ subject }) => subject)
    for (const [subject, [first]] of bySubject)
      if (!this.#subjects.has(subject)) this.#subjects.set(subject, startSubject(subject, this.#threshold, first!.hour))
    for (const [subject, state] of this.#subjects)
      this.#subjects.set(subject, closeHours(state, bySubject.get(subject) ?? [], until))
    for (const [hour, counts] of Map.groupBy(this.#counts, ({ hour }) => hour))
      if (hour + HOUR_MS <= until) this.#order.closeHour(counts)
    this.#counts = this.#counts.filter(({ hour }) => hour + HOUR_MS > until)
    this.#closedUntil = until
  }

  /** What was found until the last close, the earliest first. */
  get findings(): readonly Finding[] {
    const rates = [...this.#subjects.values()].flatMap(state => {
      const count = this.#counts.find(({ subject, hour }) => subject === state.subject && hour === state.watch.hours.at)
      return rateFindingsAt(state, count ?? null, this.#closedUntil)
    })
    const current = this.#counts.filter(({ hour }) => hour === this.hour)
    const orders = this.#order.findingsAt(current, this.#closedUntil)
    return [...rates, ...orders].toSorted((one, other) => one.openedAt - other.openedAt)
  }

  get sights(): readonly SubjectSight[] {
    return [...this.#subjects.values()].map(subjectSight)
  }

  get orders(): readonly OrderSight[] {
    return this.#order.sightsAt(this.hour)
  }
}
