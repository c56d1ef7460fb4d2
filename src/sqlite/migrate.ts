import type { Database } from 'bun:sqlite'
import { type Applied, checksum, oldestRelease, pending } from '../store/migration.ts'
import { migrations } from './migrations.ts'

/**
 * Brings a database up to this release; gives the names of what ran.
 * Each migration and the row that remembers it are one transaction, so a crash at any statement leaves it whole or not begun.
 */
export function migrate(db: Database): readonly string[] {
  db.run(
    'create table if not exists migrations (name text primary key, checksum text not null, oldest text not null, at text not null) strict',
  )
  const names: string[] = []
  const next = db.transaction(() => {
    const applied = db.query<Applied, []>('select name, checksum, oldest from migrations').all()
    const migration = pending(migrations, applied)[0]
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
