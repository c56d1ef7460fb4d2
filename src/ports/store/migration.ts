// Migrations only go forward, one change a file. Each is embedded as text and has a checksum.
import { StoreError } from './errors.ts'

/** One file of `migrations/`: its name and its text. */
export type Migration = { readonly name: string; readonly sql: string }
/** A migration that a database has recorded. `oldest`: the oldest release that may still run beside it. */
export type Applied = { readonly name: string; readonly checksum: string; readonly oldest: string }

/** This release. A migration names the oldest release that may still run after it. */
export const RELEASE = '0.1.0'

/** The first 16 bytes of a migration's SHA-256, in hex. */
export function checksum(sql: string): string {
  return new Bun.CryptoHasher('sha256').update(sql).digest('hex').slice(0, 32)
}

/** The oldest release that may still run after a migration. The first line of the migration names it. */
export function oldestRelease(migration: Migration): string {
  const found = /^-- oldest release that may still run: (\S+)/.exec(migration.sql)
  if (!found) throw new TypeError(`${migration.name}: the first line names the oldest release that may still run`)
  return found[1]!
}

/**
 * The migrations that a database still lacks, in order.
 * Throws a StoreError if a recorded migration was changed since, or if the database needs a newer release.
 */
export function pendingMigrations(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const had = new Map(applied.map(row => [row.name, row]))
  for (const { name, oldest } of applied) {
    if (Bun.semver.order(RELEASE, oldest) < 0)
      throw new StoreError(
        'refused',
        `the database has migration ${name}, which needs release ${oldest} or newer; this is ${RELEASE}`,
      )
  }
  for (const { name, sql } of migrations) {
    const row = had.get(name)
    if (row && row.checksum !== checksum(sql))
      throw new StoreError(
        'refused',
        `migration ${name} was changed after it ran: the database has ${row.checksum}, this release ${checksum(sql)}`,
      )
  }
  return migrations.filter(({ name }) => !had.has(name))
}
