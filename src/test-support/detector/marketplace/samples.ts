// What a node of the simulated marketplace counts of its commands, as samples that are written each minute.
import { HOUR_MS } from '../../../definitions/detector/settings.ts'
import { memorySamples } from '../../../ports/samples/memory.ts'
import { SAMPLE_MINUTES, type Sample, type Samples } from '../../../ports/samples/samples.ts'

const MINUTE_MS: number = HOUR_MS / SAMPLE_MINUTES

export class SampleCounts {
  /** By hour, and by subject. */
  readonly #hours: Map<number, Map<string, number[]>>

  constructor(past: SampleCounts | null) {
    const before = past ? [...past.#hours] : []
    this.#hours = new Map(before.map(([hour, all]) => [hour, new Map([...all].map(([of, counts]) => [of, [...counts]]))]))
  }

  count(now: number, subject: string): void {
    const hour = now - (now % HOUR_MS)
    const all = this.#hours.get(hour) ?? new Map<string, number[]>()
    this.#hours.set(hour, all)
    const minutes = all.get(subject) ?? new Array<number>(SAMPLE_MINUTES).fill(0)
    all.set(subject, minutes)
    minutes[Math.floor((now - hour) / MINUTE_MS)]!++
  }

  /** A port that has them. */
  toPort(): Samples {
    const sorted = [...this.#hours]
      .toSorted(([one], [other]) => one - other)
      .flatMap(([hour, all]) =>
        [...all]
          .toSorted(([one], [other]) => (one < other ? -1 : 1))
          .map(([subject, minutes]): Sample => ({ subject, hour, minutes })),
      )
    const list: Samples['list'] = async ({ after, limit }) => {
      const first = sorted.findIndex(one => one.hour > after.hour || (one.hour === after.hour && one.subject > after.subject))
      return first < 0 ? [] : sorted.slice(first, first + limit)
    }
    return { ...memorySamples(), list }
  }
}
