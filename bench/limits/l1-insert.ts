import type { Sql } from 'postgres'
import type { Contestant } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { bareTable } from './bare-table.ts'
import { row } from './row.ts'

/** L1: one INSERT a transaction through postgres.js on one connection. Nobody checks. */
export const insert: Contestant = {
  system: 'postgres',
  open: async arena => {
    const { sql, check } = await bareTable(arena, 1)
    let acted = 0
    const act = async () => {
      await insertRow(sql)
      acted++
    }
    return driven(
      { act, callers: 1, events: 1, postmaster: arena.server.pid },
      { check: () => check(acted), close: () => sql.end() },
    )
  },
}

export async function insertRow(sql: Sql): Promise<void> {
  const { stream, id, type, schema, data, meta } = row()
  await sql`
    insert into events (position, stream, version, id, type, schema, data, meta, at)
    values (nextval('positions'), ${stream}, 1, ${id}, ${type}, ${schema}, ${data}, ${meta}, clock_timestamp())`
}
