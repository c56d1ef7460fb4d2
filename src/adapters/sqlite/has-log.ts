import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { storeError } from './errors.ts'

/** Whether a file has a log, without making one. Throws a StoreError where the file cannot be read. */
export function hasSqliteLog(file: string): boolean {
  if (!existsSync(file)) return false
  try {
    using db = new Database(file, { readwrite: true, strict: true })
    db.run('pragma busy_timeout = 5000')
    return db.query("select 1 from sqlite_schema where name = 'migrations'").get() !== null
  } catch (error) {
    throw storeError(file, error)
  }
}
