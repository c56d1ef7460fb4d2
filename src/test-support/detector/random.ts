// Seeded counts: Poisson, and negative binomial where the variance is more than the mean.

/** Numbers from 0 to 1, the same for a seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A count with this mean, and with a variance of `dispersion` times the mean. */
export function drawCount(next: () => number, mean: number, dispersion: number): number {
  if (dispersion <= 1) return drawPoisson(next, mean)
  return drawPoisson(next, drawGamma(next, mean / (dispersion - 1)) * (dispersion - 1))
}

const POISSON_STEPS_MAX = 60

function drawPoisson(next: () => number, mean: number): number {
  // A Poisson count is the sum of two others.
  if (mean > POISSON_STEPS_MAX) return drawPoisson(next, mean / 2) + drawPoisson(next, mean / 2)
  const end = Math.exp(-mean)
  let count = -1
  for (let product = 1; product > end; product *= next()) count++
  return Math.max(0, count)
}

/** Marsaglia and Tsang's method. */
function drawGamma(next: () => number, shape: number): number {
  if (shape < 1) return drawGamma(next, shape + 1) * (1 - next()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
