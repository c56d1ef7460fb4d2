// Calls the followers of a row whenever it may have changed.
import type { RowChange } from '../subscription/projector/projector.ts'

export class RowChanges {
  /** Callbacks by projection and key. */
  readonly #listeners = new Map<string, Map<string, Set<() => void>>>()

  /** Calls back whenever a row may have changed. The returned function ends that. */
  listen(projection: string, key: string, onChange: () => void): () => void {
    const keys = this.#listeners.get(projection) ?? new Map<string, Set<() => void>>()
    const of = keys.get(key) ?? new Set()
    this.#listeners.set(projection, keys.set(key, of.add(onChange)))
    return () => {
      of.delete(onChange)
      if (of.size === 0 && keys.get(key) === of) keys.delete(key)
      if (keys.size === 0 && this.#listeners.get(projection) === keys) this.#listeners.delete(projection)
    }
  }

  /** The number of listeners. */
  get count(): number {
    return [...this.#listeners.values()].reduce(
      (sum, keys) => sum + [...keys.values()].reduce((all, { size }) => all + size, 0),
      0,
    )
  }

  /** Announces the changes of a page in one of the projection's tables. Null: any row may have changed. */
  announce(projection: string, changes: readonly RowChange[] | null): void {
    const keys = this.#listeners.get(projection)
    if (!keys) return
    const affected = changes ? changes.flatMap(({ key }) => keys.get(key) ?? []) : [...keys.values()]
    for (const listeners of affected) for (const onChange of [...listeners]) onChange()
  }
}
