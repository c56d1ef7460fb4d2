import type { Store } from '../../../ports/store/store.ts'
import type { TestSchema } from '../../../test-support/schema.ts'

/**
 * The planted bug of readers that order by transactions: what may still be preceded by a transaction that is open, wherever in the server
 * and whatever it writes, is not read yet.
 */
export function waitingForOldest(store: Store, { sql, schema }: Pick<TestSchema, 'sql' | 'schema'>): Pick<Store, 'readAll'> {
  const open = `select min(position)::float8 as position from ${schema}.events
    where xmin::text::bigint >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
  return {
    readAll: async ({ until = Number.MAX_SAFE_INTEGER, ...options }) => {
      const [first] = await sql.unsafe<{ position: number | null }[]>(open)
      return store.readAll({ ...options, until: Math.min(until, (first!.position ?? Number.POSITIVE_INFINITY) - 1) })
    },
  }
}
