import type { Contestant } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { bareTable } from './bare-table.ts'
import { row } from './row.ts'

export const ROWS = 256

/** L3: 256 rows a statement from unnest, each statement a transaction, one after the other on one connection. Nobody checks. */
export const unnest: Contestant = {
  system: 'postgres',
  open: async arena => {
    const { sql, check } = await bareTable(arena, 1)
    let acted = 0
    const act = async () => {
      const rows = Array.from({ length: ROWS }, row)
      await sql`
        insert into events (position, stream, version, id, type, schema, data, meta, at)
        select nextval('positions'), stream, 1, id::uuid, type, schema, data, meta, clock_timestamp()
        from unnest(
          ${rows.map(({ stream }) => stream)}::text[],
          ${rows.map(({ id }) => id)}::text[],
          ${rows.map(({ type }) => type)}::text[],
          ${rows.map(({ schema }) => schema)}::text[],
          ${rows.map(({ data }) => data)}::text[],
          ${rows.map(({ meta }) => meta)}::text[]
        ) r(stream, id, type, schema, data, meta)`
      acted += ROWS
    }
    return driven(
      { act, callers: 1, events: ROWS, postmaster: arena.server.pid },
      { check: () => check(acted), close: () => sql.end() },
    )
  },
}
