// The interval of a ratio: a trimmed mean of the logarithms of pairs, its standard error by bootstrap, and Student's t for
// the small number of pairs. Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 12; the factor
// for small samples is that of Hesterberg, What Teachers Should Know about the Bootstrap (2015). The ends of the plain
// percentile bootstrap are too narrow for ten pairs, and too coarse for the small errors that a look may spend.
import { trimmedMean, variance } from './statistics.ts'
import { studentQuantile } from './student.ts'

/** What the first and the second side of one pair took. In the same unit; lower is faster. */
export type RunPair = readonly [before: number, after: number]

/** How many times as long the second side takes: the estimate, and what it lies between. */
export type Interval = { readonly ratio: number; readonly low: number; readonly high: number }

const RESAMPLES = 500

/** The interval that leaves out the true ratio on each side with the probability `tail`. Takes two pairs or more. */
export function ratioInterval(pairs: readonly RunPair[], tail: number, random: () => number): Interval {
  const logs = Float64Array.from(pairs, ([before, after]) => Math.log(after / before))
  const many = logs.length
  const means = Float64Array.from({ length: RESAMPLES }, () => trimmedMean(resample(logs, random)))
  const error = Math.sqrt((variance(means) * many) / (many - 1))
  const reach = studentQuantile(tail, many - 1) * error
  const center = trimmedMean(logs.slice())
  return { ratio: Math.exp(center), low: Math.exp(center - reach), high: Math.exp(center + reach) }
}

function resample(values: Float64Array, random: () => number): Float64Array {
  return Float64Array.from(values, () => values[Math.floor(random() * values.length)]!)
}
