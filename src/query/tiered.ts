// Caches in a row, the nearest first.
import type { Cache, Entry, Stored } from '../ports/cache/cache.ts'

/**
 * Composes caches, the nearest first and the most widely shared last.
 *
 * - `get`: the first hit wins and fills the tiers before it. Where one of these refuses it as too old, it has heard of a change that the
 *   farther one has not (yet), and the hit is a miss.
 * - `getSync`: the first.
 * - `set`: from the last to the first; none takes what one has refused.
 * - `raise`: all of them.
 * - `claim`: the last, as it is shared with most.
 *
 * A tier that fails, even by throwing, is as if it were not there; only its raise that rejects is told, once all others are raised.
 */
export function tierCaches(caches: readonly Cache[]): Cache {
  const [nearest] = caches
  const shared = caches.at(-1)
  if (!nearest || !shared) throw new Error('A tiered cache needs at least one cache.')

  async function fill(count: number, key: string, entry: Entry): Promise<boolean> {
    for (const near of caches.slice(0, count).reverse()) {
      if ((await tried(near.set(key, entry, unknown), 'failed')) === 'refused') return false
    }
    return true
  }

  return {
    get: async (key, atLeast) => {
      for (const [i, cache] of caches.entries()) {
        const entry = await tried(cache.get(key, atLeast), null)
        if (entry) return (await fill(i, key, entry)) ? entry : null
      }
      return null
    },
    getSync: (key, atLeast) => nearest.getSync?.(key, atLeast) ?? null,
    set: async (key, entry, current) => {
      let stored: Stored = 'failed'
      for (const cache of [...caches].reverse()) {
        const one = await tried(cache.set(key, entry, current), 'failed')
        if (one === 'refused') return one
        if (one === 'stored') stored = one
      }
      return stored
    },
    raise: async (tags, position) => {
      const raised = await Promise.allSettled(caches.map(cache => cache.raise(tags, position)))
      for (const one of raised) if (one.status === 'rejected') throw one.reason
    },
    claim: (key, ttlMs) => tried(shared.claim(key, ttlMs), unclaimed),
    close: async () => {
      await Promise.allSettled(caches.map(cache => cache.close()))
    },
  }
}

async function tried<T>(attempt: Promise<T>, otherwise: NoInfer<T>): Promise<T> {
  try {
    return await attempt
  } catch {
    return otherwise
  }
}

/** Who only passes an answer on cannot say where the read models are by now. */
const unknown = (): Promise<number> => Promise.reject(new Error('The current position is not known.'))
const unclaimed = async (): Promise<void> => {}
