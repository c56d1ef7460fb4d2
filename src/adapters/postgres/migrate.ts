import type { ISql, Sql } from 'postgres'
import { type Applied, checksum, type Migration, oldestRelease, pendingMigrations } from '../../ports/store/migration.ts'
import { storeError } from './errors.ts'
import { migrations } from './migrations.ts'
import { connect } from './pool.ts'
import { LONG_TRANSACTION, takeTime } from './session.ts'

const CONNECT_TIMEOUT_MS = 3_000

/** Migrates a schema to this release. Gives the names of the migrations that ran. Throws a StoreError. */
export async function migratePostgres(url: string, schema = 'emaki'): Promise<readonly string[]> {
  const sql = connect(url, { max: 1, prepare: false, session: {}, connectTimeoutMs: CONNECT_TIMEOUT_MS })
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
 * Each migration and its row are one transaction under one lock. So a crash at any statement leaves it whole or not
 * begun, and several processes that start at once run it once. The lock ends with the transaction, because poolers need
 * that.
 */
export async function migrate(sql: Sql, schema: string, all: readonly Migration[] = migrations): Promise<readonly string[]> {
  const names: string[] = []
  for (;;) {
    const name = await sql.begin(LONG_TRANSACTION, async tx => {
      await takeTime(tx)
      await tx`select pg_advisory_xact_lock(hashtextextended(${`emaki migrate ${schema}`}, 0))`
      await prepare(tx, schema)
      const applied = await tx<Applied[]>`select name, checksum, oldest from migrations`
      const migration = pendingMigrations(all, applied)[0]
      if (!migration) return null
      await tx.unsafe(migration.sql).simple()
      await tx`insert into migrations (name, checksum, oldest) values (${migration.name}, ${checksum(migration.sql)}, ${oldestRelease(migration)})`
      return migration.name
    })
    if (name === null) return names
    names.push(name)
  }
}

/**
 * Whether a schema has all migrations of this release. Throws if one was changed, or if the schema needs a newer
 * release.
 */
export async function upToDate(sql: Sql, schema: string): Promise<boolean> {
  const [found] = await sql<{ found: boolean }[]>`select to_regclass(${`${schema}.migrations`}) is not null as found`
  if (!found?.found) return false
  const applied = await sql<Applied[]>`select name, checksum, oldest from ${sql(`${schema}.migrations`)}`
  return pendingMigrations(migrations, applied).length === 0
}

async function prepare(tx: ISql, schema: string): Promise<void> {
  const [found] = await tx<{ found: boolean }[]>`select exists (select from pg_namespace where nspname = ${schema}) as found`
  if (!found?.found) await tx`create schema ${tx(schema)}`
  await tx`select set_config('search_path', ${`${schema}, pg_temp`}, true)`
  const [table] = await tx<{ found: boolean }[]>`select to_regclass(${`${schema}.migrations`}) is not null as found`
  if (table?.found) return
  await tx`create table migrations (name text primary key, checksum text not null, oldest text not null, at timestamptz not null default now())`
}
