/** A source of choices that a seed repeats. */
export type Random = {
  /** An integer from 0 to below `end`. */
  readonly below: (end: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <T>(from: readonly T[]) => T
  readonly shuffle: <T>(all: readonly T[]) => T[]
}

/** Choices that follow from a text (mulberry32). */
export function random(seed: string): Random {
  let state = Number(Bun.hash.xxHash32(seed))
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    below,
    chance: probability => next() < probability,
    pick: from => from[below(from.length)]!,
    shuffle: all => {
      const left = [...all]
      return all.map(() => left.splice(below(left.length), 1)[0]!)
    },
  }
}
