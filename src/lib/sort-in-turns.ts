// A sort of many items that gives the event loop its turns.
import { background } from './turns.ts'

/** So many items are sorted at once. */
const RUN_ITEMS = 1_024
/** The work to merge an item, in characters. */
const MERGE_SIZE = 32

/** Sorts items into a new list. Equal items keep their order. */
export async function sortInTurns<T>(items: readonly T[], compare: (one: T, other: T) => number): Promise<readonly T[]> {
  let runs: (readonly T[])[] = []
  for (let i = 0; i < items.length; i += RUN_ITEMS) {
    runs.push(items.slice(i, i + RUN_ITEMS).sort(compare))
    if (background.isOver(RUN_ITEMS * MERGE_SIZE)) await background.next()
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = []
    for (let i = 0; i < runs.length; i += 2) merged.push(await merge(runs[i]!, runs[i + 1] ?? [], compare))
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(one: readonly T[], other: readonly T[], compare: (one: T, other: T) => number): Promise<readonly T[]> {
  const merged: T[] = []
  let [i, j] = [0, 0]
  while (i < one.length && j < other.length) {
    merged.push(compare(one[i]!, other[j]!) <= 0 ? one[i++]! : other[j++]!)
    if (background.isOver(MERGE_SIZE)) await background.next()
  }
  return merged.concat(one.slice(i), other.slice(j))
}
