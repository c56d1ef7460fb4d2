// A temporary schema beside the others of a database.
import { storeError } from './errors.ts'
import { connect } from './pool.ts'

const PREFIX = 'emaki_prove_'

/** A name that no schema has. */
export function scratchSchema(): string {
  return `${PREFIX}${Bun.randomUUIDv7().replaceAll('-', '').slice(-12)}`
}

/** Drops such a schema with all its content. Refuses any other schema. */
export async function dropScratch(url: string, schema: string): Promise<void> {
  if (!schema.startsWith(PREFIX)) throw new TypeError(`${schema} is no scratch schema`)
  const sql = connect(url, { max: 1, prepare: false, session: {} })
  try {
    await sql`drop schema if exists ${sql(schema)} cascade`
  } catch (error) {
    throw storeError(error, 'unavailable')
  } finally {
    await sql.end({ timeout: 1 })
  }
}
