// Several caches in a row, the nearest first.
import type { Cache, Entry, Stored } from '../ports/cache/cache.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'

/**
 * Composes caches, from the nearest to the most widely shared.
 *
 * - `get`: the first hit wins and fills the tiers before it. If one of these refuses the entry as too old, it knows of
 *   a change that the farther tier does not know yet, and the hit is a miss.
 * - `getSync`: asks the first.
 * - `set`: goes from the last to the first. After a refusal, no further tier gets the entry.
 * - `raise`: raises all of them.
 * - `claim`: asks the last, because most processes share it.
 *
 * A tier that fails, even by throwing, counts as absent, and is reported once until it works again. Only a failed
 * `raise` is passed on, once all other tiers are raised.
 */
export function tierCaches(caches: readonly Cache[], report: Report = () => {}): Cache {
  const [nearest] = caches
  const shared = caches.at(-1)
  if (!nearest || !shared) throw new Error('A tiered cache needs at least one cache.')

  const failures = new Map(
    caches.map((cache, tier) => [cache, new Episode({ report, ...FAILURE, fields: { part: 'cache', tier: tier + 1 } })]),
  )

  async function tryOr<T>(cache: Cache, attempt: (cache: Cache) => Promise<T>, otherwise: NoInfer<T>): Promise<T> {
    try {
      const result = await attempt(cache)
      failures.get(cache)!.succeed()
      return result
    } catch (error) {
      failures.get(cache)!.fail(error)
      return otherwise
    }
  }

  async function fill(count: number, key: string, entry: Entry): Promise<boolean> {
    for (const near of caches.slice(0, count).reverse()) {
      if ((await tryOr(near, tier => tier.set(key, entry, rejectPosition), 'failed')) === 'refused') return false
    }
    return true
  }

  return {
    get: async (key, atLeast) => {
      for (const [i, cache] of caches.entries()) {
        const entry = await tryOr(cache, tier => tier.get(key, atLeast), null)
        if (entry) return (await fill(i, key, entry)) ? entry : null
      }
      return null
    },
    getSync: (key, atLeast) => nearest.getSync?.(key, atLeast) ?? null,
    set: async (key, entry, current) => {
      let stored: Stored = 'failed'
      for (const cache of [...caches].reverse()) {
        const one = await tryOr(cache, tier => tier.set(key, entry, current), 'failed')
        if (one === 'refused') return one
        if (one === 'stored') stored = one
      }
      return stored
    },
    raise: async (tags, position) => {
      const raised = await Promise.allSettled(caches.map(cache => cache.raise(tags, position)))
      for (const one of raised) if (one.status === 'rejected') throw one.reason
    },
    claim: (key, ttlMs) => tryOr(shared, tier => tier.claim(key, ttlMs), releaseNothing),
    close: async () => {
      await Promise.allSettled(caches.map(cache => cache.close()))
    },
  }
}

const FAILURE = {
  what: 'A cache of answers failed',
  mend: 'Until then answers come from the other caches, or are built for each caller.',
}

/** The position for an entry that is only passed on: nobody here knows where the read models are. */
const rejectPosition = (): Promise<number> => Promise.reject(new Error('The current position is not known.'))
const releaseNothing = async (): Promise<void> => {}
