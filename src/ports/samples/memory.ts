// Samples in memory: the shortest description of the promises of every store's.
import { addMinutes, type Sample, type Samples } from './samples.ts'

export function memorySamples(): Samples {
  const kept = new Map<string, Sample>()
  /** The last batch of each writer, and its newest hour. */
  const writers = new Map<string, { readonly number: number; readonly hour: number }>()
  return {
    add: async ({ writer, number, samples }) => {
      const last = writers.get(writer)
      if (last && last.number >= number) return
      writers.set(writer, { number, hour: Math.max(0, ...samples.map(({ hour }) => hour)) })
      for (const sample of samples) {
        const key = `${sample.hour} ${sample.subject}`
        const found = kept.get(key)
        kept.set(key, found ? { ...found, minutes: addMinutes(found.minutes, sample.minutes) } : sample)
      }
    },
    list: async ({ after, limit }) =>
      [...kept.values()]
        .filter(one => compare(one, after) > 0)
        .toSorted(compare)
        .slice(0, limit),
    forget: async before => {
      const old = [...kept].filter(([, { hour }]) => hour < before)
      for (const [key] of old) kept.delete(key)
      for (const [writer, { hour }] of writers) if (hour < before) writers.delete(writer)
      return old.length
    },
  }
}

type Place = Pick<Sample, 'hour' | 'subject'>

function compare(one: Place, other: Place): number {
  if (one.hour !== other.hour) return one.hour - other.hour
  return one.subject === other.subject ? 0 : one.subject < other.subject ? -1 : 1
}
