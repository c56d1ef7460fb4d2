import { storeError } from './errors.ts'
import { hasMigrations } from './migrate.ts'
import { connect } from './pool.ts'

/** Whether a schema has a log, without making one. Throws a StoreError where the database cannot be reached. */
export async function hasPostgresLog(url: string, schema: string): Promise<boolean> {
  const sql = connect(url, { max: 1, prepare: false, session: {} })
  try {
    return await hasMigrations(sql, schema)
  } catch (error) {
    throw storeError(error, 'unavailable')
  } finally {
    await sql.end({ timeout: 1 })
  }
}
