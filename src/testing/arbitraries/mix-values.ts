// Values of a wide arbitrary, of which some special ones come up more often.
import type { Arbitrary, DepthIdentifier, Random, Stream, Value } from 'fast-check'
import { fc } from '../fast-check.ts'

/** From this depth of a recursion on, the least value is generated, so that the recursion ends. */
const DEPTH_MAX = 3

/**
 * Generates from `wide`, and one time in `every` from one of the special arbitraries. All values are shrunk by `wide`,
 * so each special arbitrary is made as `wide` is, with tighter bounds: its values then shrink beyond these. `within` a
 * recursion special values come up at its first level alone, and `least` ends it.
 */
export function mixValues<T>(
  wide: Arbitrary<T>,
  special: readonly Arbitrary<T>[],
  {
    every = 4,
    within,
  }: { readonly every?: number; readonly within?: { readonly depth: DepthIdentifier; readonly least: Arbitrary<T> } } = {},
): Arbitrary<T> {
  const pick = (random: Random): Arbitrary<T> => {
    const depth = within ? fc.getDepthContextFor(within.depth).depth : 0
    if (within && depth >= DEPTH_MAX) return within.least
    const isSpecial = depth === 0 && special.length > 0 && random.nextInt(1, every) === 1
    return isSpecial ? special[random.nextInt(0, special.length - 1)]! : wide
  }
  class Mixed extends fc.Arbitrary<T> {
    generate(random: Random, bias: number | undefined): Value<T> {
      return pick(random).generate(random, bias)
    }
    canShrinkWithoutContext(value: unknown): value is T {
      return wide.canShrinkWithoutContext(value)
    }
    shrink(value: T, context: unknown): Stream<Value<T>> {
      return wide.shrink(value, context)
    }
  }
  return new Mixed()
}
