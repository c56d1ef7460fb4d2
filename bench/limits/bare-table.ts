// The table that limits write to: our columns and our indexes, and nobody who checks.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Arena } from '../contestant.ts'

const migration = join(import.meta.dir, '../../migrations/postgres/0001-log.sql')

export type BareTable = {
  readonly sql: postgres.Sql
  readonly url: string
  readonly check: (rows: number) => Promise<string | null>
}

/** A fresh database with the log's tables, and a pool of so many connections to it. */
export async function bareTable({ server }: Arena, connections: number): Promise<BareTable> {
  const url = await server.createDatabase('bare')
  const sql = postgres(url, { max: connections, onnotice: () => {} })
  await sql.unsafe(readFileSync(migration, 'utf8')).simple()
  return { sql, url, check: rows => checkRows(sql, rows) }
}

async function checkRows(sql: postgres.Sql, rows: number): Promise<string | null> {
  const [found] = await sql<{ rows: number; streams: number }[]>`
    select count(*)::int as rows, count(distinct stream)::int as streams from events`
  const { rows: there, streams } = found!
  return there === rows && streams === rows
    ? null
    : `${rows} rows in streams of their own were inserted; found ${there} in ${streams}`
}
