// Lines of several nodes in the order of their time, as far as they come together.

/** How long a line waits for earlier ones of other nodes, in ms. */
const HELD_MS = 500

type Line = { readonly timestamp: string }

/** Sorts by time. Lines of the same time keep their order. */
export function byTime<T extends Line>(lines: readonly T[]): readonly T[] {
  return lines.toSorted((one, other) => one.timestamp.localeCompare(other.timestamp))
}

/** Holds each line for a moment, and prints what it holds in the order of time. `flush` prints the rest. */
export function mergeLines<T extends Line>(print: (line: T) => void): { add(line: T): void; flush(): void } {
  const held: T[] = []
  let timer: Timer | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    for (const line of byTime(held.splice(0))) print(line)
  }
  return {
    add: line => {
      held.push(line)
      timer ??= setTimeout(flush, HELD_MS)
    },
    flush,
  }
}
