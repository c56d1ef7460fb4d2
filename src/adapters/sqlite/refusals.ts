// Refusals in the file of the log.
import type { Database } from 'bun:sqlite'
import type { NewRefusal, RefusalRecord, Refusals } from '../../ports/refusals/refusals.ts'
import { instant } from '../../ports/store/instant.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

export type SyncRefusals = Sync<Refusals>

/** Refusals whose calls run when the file is free. */
export function sqliteRefusals(whenFree: <T>(run: (now: SyncRefusals) => T) => Promise<T>): Refusals {
  return {
    add: refusals => whenFree(now => now.add(refusals)),
    list: filter => whenFree(now => now.list(filter)),
    forget: bounds => whenFree(now => now.forget(bounds)),
  }
}

const COLUMNS = 'at, by, command, stream, actor, code, text, correlation, trace_id'

export function syncRefusals(db: Database, statements: Statements): SyncRefusals {
  function add({ at, by, command, stream, actor, code, text, correlation, traceId, more }: NewRefusal): void {
    const values = [at, by, command, stream, actor, code, text, correlation, traceId, more]
    statements.get(`insert into refusals (${COLUMNS}, more) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(...values)
  }
  return {
    add: db.transaction((refusals: readonly NewRefusal[]) => refusals.forEach(add)).immediate,
    list: ({ command, code, actor, since, limit }) =>
      statements
        .get<Omit<RefusalRecord, 'at'> & { readonly at: number }>(
          `select ${COLUMNS} as traceId, more from refusals
          where at >= ?1 and (?2 is null or command = ?2) and (?3 is null or code = ?3) and (?4 is null or actor = ?4)
          order by seq desc limit ?5`,
        )
        .all(since, command ?? null, code ?? null, actor ?? null, limit)
        .map(row => ({ ...row, at: instant(row.at) })),
    forget: ({ after, ofKind, all }) =>
      statements
        .get(
          `delete from refusals where seq in (
            select seq from (
              select seq, at, row_number() over (partition by command, code order by seq desc) as in_kind,
                row_number() over (order by seq desc) as in_all
              from refusals
            ) where at < ? or in_kind > ? or in_all > ?
          )`,
        )
        .run(after, ofKind, all).changes,
  }
}
