// What a count is expected to be: the same hour of the weeks before, without their highest values.

/** How the units of a watch repeat: hours by weeks and days, days by weeks. */
export type Season = {
  /** The periods, the best first: their length in units, how many are looked at, and from how many on they count. */
  readonly periods: readonly {
    readonly units: number
    readonly taken: number
    readonly least: number
    /** How many units before and after the same one are taken too. */
    readonly beside: number
  }[]
}

/** The share of the values that counts: the highest ones may be bursts. */
const KEPT_SHARE = 0.9
/** With fewer values than this, the last units count instead of the same ones. */
const VALUES_MIN = 4
const LAST_UNITS = 12

/** The expected count of the unit after these. Null: there are too few of them. */
export function expectCount(counts: readonly number[], { periods }: Season): number | null {
  const period = periods.find(({ units, least }) => counts.length >= least * units)
  const same = period ? sameUnits(counts, period) : []
  const values = same.length < VALUES_MIN ? counts.slice(-LAST_UNITS) : same
  return values.length < VALUES_MIN ? null : trimmedMean(values, KEPT_SHARE)
}

function sameUnits(counts: readonly number[], { units, taken, beside }: Season['periods'][number]): number[] {
  const found: number[] = []
  for (let before = 1; before <= taken; before++)
    for (let shift = -beside; shift <= beside; shift++) {
      const count = counts[counts.length - before * units + shift]
      if (count !== undefined) found.push(count)
    }
  return found
}

/** The mean of the lowest share of some values. */
export function trimmedMean(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  const kept = Math.max(1, Math.ceil(sorted.length * share))
  let sum = 0
  for (let i = 0; i < kept; i++) sum += sorted[i]!
  return sum / kept
}
