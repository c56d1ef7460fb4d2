export type BackOff = {
  readonly firstMs: number
  readonly maxMs: number
  /** At least 0, below 1. Shortens the wait by up to a half, so that many do not come back at once. Default: it is not shortened. */
  readonly random?: () => number
}

/** How long to wait after so many failures before the last: twice as long each time, up to a bound. */
export function backOff(failures: number, { firstMs, maxMs, random }: BackOff): number {
  const ms = Math.min(maxMs, firstMs * 2 ** failures)
  return random ? ms * (0.5 + random() / 2) : ms
}
