// How often a sum would reach the threshold by chance: read off the lower peaks that it had, whose tail is exponential.

/** The peaks of a sum since it began. */
export type Excursions = {
  /** The highest value since the sum last was low. 0: it is low. */
  readonly peak: number
  /** How many peaks there were, and by how much they rose above PEAK_MIN together. */
  readonly count: number
  readonly excess: number
  /** How many units were watched. */
  readonly units: number
}

export const NO_EXCURSIONS: Excursions = { peak: 0, count: 0, excess: 0, units: 0 }

/** A peak below this is not counted. */
const PEAK_MIN = 3
/** The tail of a likelihood ratio falls by e with each unit of its height. That many peaks of this kind are assumed. */
const ASSUMED_PEAKS = 10

/** Notes the value of the sum, within a unit. */
export function noteSum(before: Excursions, sum: number): Excursions {
  if (sum > PEAK_MIN) return sum > before.peak ? { ...before, peak: sum } : before
  return before.peak === 0 || sum > PEAK_MIN / 2 ? before : endExcursion(before)
}

/** Counts the peak, because the sum is low again or a call was made. */
export function endExcursion({ peak, count, excess, units }: Excursions): Excursions {
  return { peak: 0, count: count + 1, excess: excess + peak - PEAK_MIN, units }
}

/** How many times in so many units a sum passes the threshold by chance. */
export function expectFalseCalls({ count, excess, units }: Excursions, threshold: number, inUnits: number): number {
  const slope = (ASSUMED_PEAKS + excess) / (ASSUMED_PEAKS + count)
  return (((count + 1) * inUnits) / Math.max(1, units)) * Math.exp(-(threshold - PEAK_MIN) / slope)
}
