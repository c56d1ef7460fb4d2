// Where a race takes place: a database, and how to look at it past everything that is done to its nodes.
import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import createClient, { type Sql } from 'postgres'
import { migratePostgres } from '../../adapters/postgres/migrate.ts'
import { migrateSqlite } from '../../adapters/sqlite/migrate.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import type { Delivered } from './checker.ts'
import { EFFECTS, type Look, postgresEffects, postgresLog, postgresLook, sqliteEffects, sqliteLog, sqliteLook } from './look.ts'
import type { NodeJob } from './nodes.ts'

export type Place = Pick<NodeJob, 'database' | 'effects'> & {
  readonly look: Look
  readonly delivered: () => Promise<readonly Delivered[]>
  readonly log: () => Promise<readonly StoredEvent[]>
  readonly close: () => Promise<void>
}
export type PostgresPlace = Place & { readonly kind: 'postgres'; readonly url: string; readonly sql: Sql }
export type SqlitePlace = Place & { readonly kind: 'sqlite'; readonly file: string }

export const SCHEMA = 'emaki'

/** A database of its own, on the server of all tests or another. */
export async function onPostgres(server?: { createDatabase(): Promise<string> }): Promise<PostgresPlace> {
  const url = await (server ?? (await testPostgres())).createDatabase()
  await migratePostgres(url, SCHEMA)
  const connect = () =>
    createClient(url, {
      max: 3,
      onnotice: () => {},
      backoff: false,
      connect_timeout: 5,
      connection: { application_name: 'the looker' },
    })
  const sql = connect()
  const looking = looker(connect)
  await sql.unsafe(EFFECTS.postgres)
  return {
    kind: 'postgres',
    url,
    sql,
    database: { kind: 'postgres', url, schema: SCHEMA, deadlineMs: 2_000 },
    effects: url,
    look: looking.look,
    delivered: () => postgresEffects(sql),
    log: () => postgresLog(sql, SCHEMA),
    close: async () => void (await Promise.all([sql.end({ timeout: 1 }), looking.close()])),
  }
}

/** Looks by a client of its own. One that has failed, or does not answer, is not asked again: it may wait for a server that was killed. */
function looker(connect: () => Sql): { readonly look: Look; readonly close: () => Promise<void> } {
  let sql = connect()
  const look: Look = async after => {
    const [asked, late] = [sql, Promise.withResolvers<never>()]
    const timer = setTimeout(() => late.reject(new Error(`no look within ${LOOK_MAX_MS} ms`)), LOOK_MAX_MS)
    try {
      return await Promise.race([postgresLook(asked, SCHEMA)(after), late.promise])
    } catch (error) {
      sql = connect()
      void asked.end({ timeout: 0 }).catch(() => {})
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
  return { look, close: () => sql.end({ timeout: 1 }) }
}
const LOOK_MAX_MS = 15_000

export async function onSqlite(): Promise<SqlitePlace> {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-nodes-'))
  const file = join(folder, 'log.db')
  const effects = join(folder, 'effects.db')
  migrateSqlite(file)
  using db = new Database(effects)
  db.run('pragma journal_mode = wal')
  db.run(EFFECTS.sqlite)
  const look = sqliteLook(file)
  return {
    kind: 'sqlite',
    file,
    database: { kind: 'sqlite', file },
    effects,
    look,
    delivered: async () => sqliteEffects(effects),
    log: async () => sqliteLog(file),
    close: async () => {
      look[Symbol.dispose]()
      rmSync(folder, { recursive: true })
    },
  }
}
