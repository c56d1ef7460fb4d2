import type { Breach } from '../../ports/promises/promises.ts'
import type { Store } from '../../ports/store/store.ts'

/** Keeps a breach in the store, unless it is there. Rejects with the store's error. */
export type AddBreach = (breach: Pick<Breach, 'promise' | 'subject' | 'message'>) => Promise<void>

/** Keeps breaches as found by a process, or by a verb. `now`: in ms since 1970. */
export function breachAdder(store: Pick<Store, 'promises'>, foundBy: string, now: () => number): AddBreach {
  return async breach => {
    await store.promises.addBreach({ ...breach, foundBy, at: Math.floor(now()) })
  }
}
