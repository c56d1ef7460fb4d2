// Student's t distribution. With x = √df · tan θ its density is proportional to a power of cos θ, so that Simpson's rule
// gives each tail, however small.

const STEPS = 100
const HALVINGS = 50

/** The probability of a value above `t`, which is at least 0, at so many degrees of freedom, at least 1. */
export function studentTail(t: number, df: number): number {
  return tailFrom(Math.atan(t / Math.sqrt(df)), df)
}

/** The value above which a share `tail` of the distribution lies. `tail` is above 0 and at most 0.5. */
export function studentQuantile(tail: number, df: number): number {
  let [low, high] = [0, Math.PI / 2]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (tailFrom(middle, df) > tail) low = middle
    else high = middle
  }
  return Math.sqrt(df) * Math.tan((low + high) / 2)
}

function tailFrom(angle: number, df: number): number {
  return integral(angle, df) / (2 * integral(0, df))
}

/** The integral of cos θ to the power of df - 1, from an angle to π/2. */
function integral(from: number, df: number): number {
  const width = (Math.PI / 2 - from) / STEPS
  let sum = 0
  for (let i = 0; i <= STEPS; i++) {
    const weight = i === 0 || i === STEPS ? 1 : i % 2 ? 4 : 2
    sum += weight * Math.max(0, Math.cos(from + i * width)) ** (df - 1)
  }
  return (sum * width) / 3
}
