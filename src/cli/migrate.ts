import type { Config } from '../config.ts'
import type { Verb } from './verb.ts'

export const migrateVerb: Verb = {
  does: 'migrate the database to this release, and end',
  json: true,
  run: ({ config, json }) => migrate(config, json),
}

/** Migrates the configured database to this release and prints the migrations that ran. It may run beside a server. */
async function migrate(config: Config, json: boolean): Promise<number> {
  const names = await migrated(config)
  if (json) console.log(JSON.stringify({ ran: names }))
  else console.log(names.length ? names.map(name => `ran ${name}`).join('\n') : 'nothing to do')
  return 0
}

async function migrated({ DATABASE_DIRECT_URL, DATABASE_URL, DATABASE_SCHEMA, SQLITE_FILE }: Config): Promise<readonly string[]> {
  if (DATABASE_URL === undefined) return (await import('../adapters/sqlite/index.ts')).migrateSqlite(SQLITE_FILE)
  return (await import('../adapters/postgres/index.ts')).migratePostgres(DATABASE_DIRECT_URL ?? DATABASE_URL, DATABASE_SCHEMA)
}
