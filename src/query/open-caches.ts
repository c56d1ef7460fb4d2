// The caches of answers, and the invalidation that makes their answers out of date.
import type { Cache } from '../ports/cache/cache.ts'
import { measureCache } from '../ports/cache/measured.ts'
import { traceCache } from '../ports/cache/traced.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { memoryCache } from '../ports/cache/memory.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import { batchPurges } from '../ports/purger/batch-purges.ts'
import { measurePurger } from '../ports/purger/measured.ts'
import type { Purger } from '../ports/purger/purger.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { Invalidation } from './invalidation.ts'
import { RowChanges } from './row-changes.ts'
import { tableOfTag } from './rows.ts'
import { tierCaches } from './tiered.ts'

type Wanted = {
  readonly cache?: (prefix: string) => Cache | Promise<Cache>
  readonly cdn?: Purger
}
type CacheParts = {
  readonly store: Store
  readonly metrics: Meter
  readonly trace: Trace
  readonly now: () => number
  readonly report: Report
}
/** The caches as one, and who makes answers in them out of date. */
export type Caches = { readonly cache: Cache; readonly rowChanges: RowChanges; readonly invalidation: Invalidation }

/** Opens the cache in memory, the shared one behind it, and the CDN in front of the app. */
export async function openCaches({ cache, cdn }: Wanted, { store, metrics, trace, now, report }: CacheParts): Promise<Caches> {
  const nearest = measureCache(memoryCache({ now }), 'memory', metrics)
  const shared = await cache?.(`${store.identity.id}.${store.identity.epoch}`)
  const tiers = shared ? tierCaches([nearest, measureCache(traceCache(shared, trace), 'shared', metrics)], report) : nearest
  const purges = cdn ? batchPurges(measurePurger(cdn, metrics), { wholeOf: tableOfTag, report }) : null
  const rowChanges = new RowChanges()
  return { cache: tiers, rowChanges, invalidation: new Invalidation({ cache: tiers, nearest, purges, rowChanges }) }
}
