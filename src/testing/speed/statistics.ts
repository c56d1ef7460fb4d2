/** The share of values that a trimmed mean leaves out at each end. */
const TRIM = 0.2

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** The mean without the lowest and the highest fifth. Sorts the values in place. */
export function trimmedMean(values: Float64Array): number {
  values.sort()
  const cut = Math.floor(TRIM * values.length)
  return mean(values.subarray(cut, values.length - cut))
}

/** The variance of a sample of two or more. */
export function variance(values: ArrayLike<number>): number {
  const center = mean(values)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! - center) ** 2
  return sum / (values.length - 1)
}
