// What a misspelt name was meant to be.

/** A longer name is compared with none: what a client sent must cost little. */
const LENGTH_MAX = 64

/** The sentence about a name that there is not: the nearest one, if one is near, and all that there are. */
export function describeNames(name: string, names: readonly string[]): string {
  const near = nearestName(name, names)
  const all = names.length ? `there are ${names.join(', ')}` : 'there are none'
  return near === null ? all : `did you mean ${near}? ${all}`
}

/** The name of which at most a third of the letters differ, and the fewest; null: there is none. */
export function nearestName(name: string, names: readonly string[]): string | null {
  if (name.length > LENGTH_MAX) return null
  const [nearest] = names
    .filter(({ length }) => length <= LENGTH_MAX)
    .map(one => ({ one, edits: countEdits(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, edits }) => edits < one.length && edits <= Math.max(1, Math.max(name.length, one.length) / 3))
    .sort((a, b) => a.edits - b.edits)
  return nearest?.one ?? null
}

/** The letters to add, to leave out, to change, or to swap with the next one, until one text is the other. */
function countEdits(from: string, to: string): number {
  let [before, last] = [[] as number[], Array.from({ length: to.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      const changed = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      row.push(Math.min(row[j - 1]! + 1, last[j]! + 1, changed, isSwapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY))
    }
    ;[before, last] = [last, row]
  }
  return last[to.length]!
}
