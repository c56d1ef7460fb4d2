import { verbCommand } from '../../lib/verb-command.ts'
import { Database } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Applied, checksum, type Migration, oldestRelease, pendingMigrations } from '../../ports/store/migration.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { storeError } from './errors.ts'
import { migrations } from './migrations.ts'

/**
 * Migrates a file to this release, also beside a running server. Gives the names of the migrations that ran. Throws a
 * StoreError.
 */
export function migrateSqlite(file: string): readonly string[] {
  try {
    mkdirSync(dirname(file), { recursive: true })
    using db = new Database(file, { create: true, strict: true })
    db.run('pragma busy_timeout = 5000')
    db.run('pragma journal_mode = wal')
    return migrate(db)
  } catch (error) {
    throw storeError(file, error)
  }
}

/**
 * Migrates a database to this release. Gives the names of the migrations that ran.
 * Each migration and its row are one transaction. So a crash at any statement leaves it whole or not begun.
 */
export function migrate(db: Database, all: readonly Migration[] = migrations): readonly string[] {
  db.run(
    'create table if not exists migrations (name text primary key, checksum text not null, oldest text not null, at text not null) strict',
  )
  const names: string[] = []
  const next = db.transaction(() => {
    const migration = pendingMigrations(all, applied(db))[0]
    if (!migration) return false
    db.run(migration.sql)
    db.query("insert into migrations values (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))").run(
      migration.name,
      checksum(migration.sql),
      oldestRelease(migration),
    )
    names.push(migration.name)
    return true
  })
  while (next.immediate());
  return names
}

/** Throws a StoreError if a file lacks a migration of this release. */
export function upToDate(db: Database, file: string): void {
  const exists = db.query("select 1 from sqlite_schema where name = 'migrations'").get()
  const names = pendingMigrations(migrations, exists ? applied(db) : []).map(({ name }) => name)
  if (names.length)
    throw new StoreError('refused', `${file} lacks the migrations ${names.join(', ')}; run \`${verbCommand('migrate')}\``)
}

function applied(db: Database): readonly Applied[] {
  return db.query<Applied, []>('select name, checksum, oldest from migrations').all()
}
