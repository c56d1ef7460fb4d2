// Checks the tables and indexes of a log with what PostgreSQL has for it: amcheck.
import { verbCommand } from '../../lib/verb-command.ts'
import type { Sql } from 'postgres'
import type { Diagnosis } from '../../ports/store/diagnosis.ts'
import { storeError } from './errors.ts'
import { connect } from './pool.ts'
import { LONG_TRANSACTION, takeTime } from './session.ts'

/** SQLSTATEs of data that is corrupted. */
const CORRUPTED = /^XX00[12]$/

/** Checks each index and table of a schema. A check that cannot run is a warning: the function never throws. */
export async function checkPostgresIntegrity(url: string, schema: string): Promise<readonly Diagnosis[]> {
  const sql = connect(url, { max: 1, prepare: false, session: {} })
  try {
    const [extension] = await sql<{ schema: string }[]>`
      select quote_ident(nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'amcheck'`
    if (!extension) return [NOT_INSTALLED]
    return [
      await checkRelations(sql, schema, 'i', INDEXES(extension.schema)),
      await checkRelations(sql, schema, 'r', TABLES(extension.schema)),
    ]
  } catch (error) {
    return [notChecked('amcheck', error)]
  } finally {
    await sql.end({ timeout: 1 })
  }
}

type Check = { readonly name: string; readonly text: string }

const NOT_INSTALLED: Diagnosis = {
  name: 'amcheck',
  status: 'warning',
  found: 'not installed: tables and indexes were not checked against each other',
  fix: 'run create extension amcheck in this database',
}

/** Each row of the heap has to be in the index, too. */
const INDEXES = (amcheck: string): Check => ({
  name: 'indexes',
  text: `select ${amcheck}.bt_index_check($1::oid, true)::text as wrong`,
})
const TABLES = (amcheck: string): Check => ({
  name: 'tables',
  text: `select format('block %s: %s', blkno, msg) as wrong from ${amcheck}.verify_heapam($1::oid) limit 1`,
})

async function checkRelations(sql: Sql, schema: string, kind: 'i' | 'r', { name, text }: Check): Promise<Diagnosis> {
  const relations = await sql<{ oid: string; name: string }[]>`
    select c.oid::text, c.relname as name from pg_class c left join pg_am a on a.oid = c.relam
    where c.relnamespace = ${schema}::regnamespace and c.relkind = ${kind} and a.amname in ('heap', 'btree') order by c.relname`
  const wrong: string[] = []
  for (const relation of relations) {
    try {
      const found = await checkRelation(sql, text, relation.oid)
      if (found) wrong.push(`${relation.name}: ${found}`)
    } catch (error) {
      if (!CORRUPTED.test(String((error as { code?: unknown }).code))) return notChecked(name, error)
      wrong.push(`${relation.name}: ${(error as Error).message}`)
    }
  }
  if (wrong.length === 0) return { name, status: 'ok', found: `${relations.length} checked by amcheck` }
  const fix =
    kind === 'i' ? `run reindex, then \`${verbCommand('verify')}\`; find out why` : 'restore from a backup; find out why'
  return { name, status: 'problem', found: wrong.join('; '), fix }
}

async function checkRelation(sql: Sql, text: string, oid: string): Promise<string> {
  return sql.begin(LONG_TRANSACTION, async tx => {
    await takeTime(tx)
    const [found] = await tx.unsafe<{ wrong: string | null }[]>(text, [oid])
    return found?.wrong ?? ''
  })
}

function notChecked(name: string, error: unknown): Diagnosis {
  const found = `not checked: ${storeError(error, 'unavailable').message}`
  return {
    name,
    status: 'warning',
    found,
    fix: `run \`${verbCommand('verify')}\` as the owner of the schema, with the right to run amcheck`,
  }
}
