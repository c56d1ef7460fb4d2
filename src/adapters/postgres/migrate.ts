import type { ISql, Sql } from 'postgres'
import { type Applied, checksum, type Migration, oldestRelease, pendingMigrations } from '../../ports/store/migration.ts'
import { storeError } from './errors.ts'
import { migrations } from './migrations.ts'
import { connect } from './pool.ts'
import { LONG_TRANSACTION, takeTime } from './session.ts'

/** Migrates a schema to this release. Gives the names of the migrations that ran. Throws a StoreError. */
export async function migratePostgres(url: string, schema = 'emaki'): Promise<readonly string[]> {
  const sql = connect(url, { max: 1, prepare: false, session: {} })
  try {
    return await migrate(sql, schema)
  } catch (error) {
    throw storeError(error, 'unavailable')
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/**
 * Migrates a schema to this release. Gives the names of the migrations that ran.
 * Each migration and its row are one transaction under one lock, and those of a new schema are one together, as nobody
 * waits for its tables. So a crash at any statement leaves it whole or not begun, and several processes that start at
 * once run it once. The lock ends with the transaction, because poolers need that.
 */
export async function migrate(sql: Sql, schema: string, all: readonly Migration[] = migrations): Promise<readonly string[]> {
  const names: string[] = []
  for (;;) {
    const ran = await sql.begin(LONG_TRANSACTION, tx => migrateStep(tx, schema, all))
    names.push(...ran.map(migration => migration.name))
    if (ran.length === 0) return names
  }
}

/** Gives what it ran: all migrations of a new schema, the next one of another, none where none is pending. */
async function migrateStep(tx: ISql, schema: string, all: readonly Migration[]): Promise<readonly Migration[]> {
  await takeTime(tx)
  await tx`select pg_advisory_xact_lock(hashtextextended(${`emaki migrate ${schema}`}, 0))`
  await prepare(tx, schema)
  const applied = await tx<Applied[]>`select name, checksum, oldest from migrations`
  const pending = pendingMigrations(all, applied).slice(0, applied.length === 0 ? all.length : 1)
  for (const migration of pending) {
    await tx.unsafe(migration.sql).simple()
    await tx`insert into migrations (name, checksum, oldest) values (${migration.name}, ${checksum(migration.sql)}, ${oldestRelease(migration)})`
  }
  return pending
}

/**
 * Whether a schema has all migrations of this release. Throws if one was changed, or if the schema needs a newer
 * release.
 */
export async function upToDate(sql: Sql, schema: string): Promise<boolean> {
  if (!(await hasMigrations(sql, schema))) return false
  const applied = await sql<Applied[]>`select name, checksum, oldest from ${sql(`${schema}.migrations`)}`
  return pendingMigrations(migrations, applied).length === 0
}

/** Whether a schema has a log, of whatever release. */
export async function hasMigrations(sql: ISql, schema: string): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`select to_regclass(${`${schema}.migrations`}) is not null as found`
  return row!.found
}

async function prepare(tx: ISql, schema: string): Promise<void> {
  const [found] = await tx<{ found: boolean }[]>`select exists (select from pg_namespace where nspname = ${schema}) as found`
  if (!found?.found) await tx`create schema ${tx(schema)}`
  await tx`select set_config('search_path', ${`${schema}, pg_temp`}, true)`
  if (await hasMigrations(tx, schema)) return
  await tx`create table migrations (name text primary key, checksum text not null, oldest text not null, at timestamptz not null default now())`
}
