// What the cases of a cache are built of.
import type { Entry, Stored } from '../cache.ts'
import type { TestedCache } from './case.ts'

/** An entry that is fresh for a minute from `at`, and may be given for another. */
export function entryAt(position: number, at: number, more: Partial<Entry> = {}): Entry {
  const times = { builtAt: at, freshUntil: at + 60_000, staleUntil: at + 120_000 }
  return { body: `{"at":${position}}`, etag: `"${position}"`, position, tags: ['a'], ...times, ...more }
}

export const put = ({ cache, now }: TestedCache, position: number, more: Partial<Entry> = {}, head = position): Promise<Stored> =>
  cache.set('k', entryAt(position, now(), more), async () => head)
