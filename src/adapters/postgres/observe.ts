// What a store in PostgreSQL says of itself when somebody asks.
import type { Meter, Observed } from '../../ports/metrics/meter.ts'
import type { Pool } from './pool.ts'
import { type PoolUse, readPools } from './pool-use.ts'

/** How long a size is given that was read once, in ms: reading it looks at each table. */
const SIZE_KEEP_MS = 60_000

/** What is observed. Null: the store is not open. */
type Observable = { readonly reader: Pool; readonly uses: readonly PoolUse[] }
export type ObserveOptions = {
  readonly schema: string
  readonly opened: () => Observable | null
  /** By watcher: whether it hears by LISTEN now. */
  readonly listening: () => readonly boolean[]
}

export function observePostgres(meter: Meter, { schema, opened, listening }: ObserveOptions): void {
  meter.observe(['db.client.connection.count', 'db.client.connection.pending_requests'], () => readPools(opened()?.uses ?? []))
  meter.observe(['emaki.store.listening'], () => {
    const known = listening()
    return { 'emaki.store.listening': known.length ? [{ values: [], value: known.every(Boolean) ? 1 : 0 }] : [] }
  })
  let kept: { readonly until: number; readonly size: Observed<'emaki.store.size'> } | null = null
  meter.observe(['emaki.store.size'], async () => {
    const now = performance.now()
    const open = opened()
    if (!open) return {}
    if (!kept || now > kept.until) kept = { until: now + SIZE_KEEP_MS, size: await readSize(open.reader, schema) }
    return kept.size
  })
}

async function readSize(pool: Pool, schema: string): Promise<Observed<'emaki.store.size'>> {
  // A table that is dropped meanwhile has no size.
  const [found] = await pool.run(
    sql => sql<{ tables: number; indexes: number }[]>`
      select coalesce(sum(pg_table_size(oid)), 0)::float8 as tables, coalesce(sum(pg_indexes_size(oid)), 0)::float8 as indexes
      from pg_class
      where relnamespace = (select oid from pg_namespace where nspname = ${schema}) and relkind in ('r', 'm')`,
  )
  return {
    'emaki.store.size': [
      { values: ['tables'], value: found!.tables },
      { values: ['indexes'], value: found!.indexes },
    ],
  }
}
