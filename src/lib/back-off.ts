export type BackOff = {
  readonly firstMs: number
  readonly maxMs: number
  /**
   * A number of at least 0 and below 1. It shortens the wait by up to a half, so that many callers do not return at
   * once. Default: no shortening.
   */
  readonly random?: () => number
}

/** The wait before the next attempt, in ms. It doubles with each failure before the last, up to a bound. */
export function backOff(failures: number, { firstMs, maxMs, random }: BackOff): number {
  const ms = Math.min(maxMs, firstMs * 2 ** failures)
  return random ? ms * (0.5 + random() / 2) : ms
}
