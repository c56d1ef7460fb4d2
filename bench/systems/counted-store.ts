import type { Store } from 'emaki'
import { bound } from '../../src/test-support/bound.ts'

/** A store, and how many events were sent to it for those that it took: attempts for each that was acknowledged. */
export function countAttempts(store: Store): { readonly store: Store; readonly attempts: () => number } {
  let attempts = 0
  const append: Store['append'] = units => {
    for (const { slices } of units) for (const { events } of slices) attempts += events.length
    return store.append(units)
  }
  return { store: bound(store, { append }), attempts: () => attempts }
}
