import { type Sample, SAMPLE_MINUTES, type Samples } from '../samples.ts'

export const HOUR_MS = 3_600_000
export const HOUR = 472_222 * HOUR_MS

/** A sample whose minutes have these counts, and 0 otherwise. */
export const sample = (subject: string, counts: Readonly<Record<number, number>>, hour: number = HOUR): Sample => ({
  ...{ subject, hour },
  minutes: Array.from({ length: SAMPLE_MINUTES }, (_, minute) => counts[minute] ?? 0),
})

export function listAll(samples: Samples, limit = 1_000): Promise<readonly Sample[]> {
  return samples.list({ after: { hour: 0, subject: '' }, limit })
}
