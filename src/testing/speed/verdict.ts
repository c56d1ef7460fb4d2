// When to look at the pairs, and what a look may say. Each look at growing data is a further chance of a false verdict.
// So the looks share one error: after a share t of the pairs, they have spent ERROR · t² of it, the power family of Kim and
// DeMets (Biometrika, 1987) for the spending functions of Lan and DeMets (Biometrika, 1983). A look gets what is spent
// since the last one. By Boole's inequality the looks together are wrong no more often than ERROR, however they depend on
// each other. The last look takes what is left. It may come early, as when time is over: the clock knows no verdict.
import { type Interval, type RunPair, ratioInterval } from './interval.ts'

/** What came of a comparison. `slower`: the second side, by more than the margin. `same`: within it. */
export type SpeedVerdict = 'slower' | 'faster' | 'same' | 'undecided'

/** How often the true ratio may lie below the interval, over all looks; and above it as often. */
const ERROR = 0.005
/** A look at fewer pairs says nothing. */
export const PAIRS_MIN = 10
const LOOKS = [0.25, 0.35, 0.5, 0.7, 1]

/** After how many pairs to look, out of `most`. */
export function looksOf(most: number): readonly number[] {
  return [...new Set(LOOKS.map(share => Math.round(share * most)))].filter(pairs => pairs >= PAIRS_MIN)
}

/** What is known after so many pairs. `ratio`: how many times as long the second side takes; with its interval. */
export type SpeedLook = Interval & { readonly verdict: SpeedVerdict; readonly pairs: number }

/** Looks at pairs as they grow. `margin`: a share, 0.05 for 5 %. `most`: how many pairs there may be. */
export function createLooks(margin: number, most: number, random: () => number) {
  let spent = 0
  return {
    look: (pairs: readonly RunPair[], isLast: boolean): SpeedLook => {
      const share = isLast ? 1 : pairs.length / most
      const budget = ERROR * share ** 2
      const interval = ratioInterval(pairs, budget - spent, random)
      spent = budget
      const verdict = pairs.length < PAIRS_MIN ? 'undecided' : verdictOf(interval, margin)
      return { ...interval, verdict, pairs: pairs.length }
    },
  }
}

function verdictOf({ low, high }: Interval, margin: number): SpeedVerdict {
  const [least, most] = [1 / (1 + margin), 1 + margin]
  if (low > most) return 'slower'
  if (high < least) return 'faster'
  return low > least && high < most ? 'same' : 'undecided'
}
