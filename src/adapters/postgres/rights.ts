// What the role of an app has to be allowed. A role that an older release was granted to lacks what came later.
import type { Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'

/** The tables that an app writes itself. It writes the others through functions. */
const WRITTEN = ['checkpoints', 'leases', 'parked', 'serving', 'agenda']
/** The functions that an app calls, without their versions. */
const CALLED = [
  'append',
  'append_rows',
  'load',
  'save_snapshots',
  'forget_keys',
  'end_sent_keys',
  'renew_keys',
  'prepare',
  'acquire',
  'serve',
  'reset',
  'drop',
]

type Rights = {
  readonly role: string
  readonly literal: string
  readonly grant: string | null
  readonly lacking: readonly string[]
}

/** Throws a StoreError that names the rights that the role lacks, and the statement that grants them. */
export async function refuseMissingRights(sql: Sql, schema: string): Promise<void> {
  const { role, literal, grant, lacking } = await findRights(sql, schema)
  if (!lacking.length) return
  const mend = `run as the owner of the schema: set search_path = ${schema}; select ${grant ?? 'grant_app_v1'}(${literal})`
  const shown = `the role ${role} lacks rights (${lacking.join(', ')}): ${mend}`
  throw new StoreError('unavailable', shown, { shown })
}

async function findRights(sql: Sql, schema: string): Promise<Rights> {
  const [found] = await sql<(Omit<Rights, 'lacking'> & { lacking: string[] | null })[]>`
    with newest as (
      select distinct on (stem) p.oid, p.proname, stem
      from pg_proc p
      cross join lateral (select regexp_replace(p.proname, '_v[0-9]+$', '') as stem) s
      where p.pronamespace = ${schema}::regnamespace and p.proname ~ '_v[0-9]+$'
      order by stem, substring(p.proname from '[0-9]+$')::int desc
    ), lacking as (
      select 'execute ' || proname as what from newest
      where stem = any (string_to_array(${CALLED.join(' ')}, ' ')) and not has_function_privilege(oid, 'execute')
      union all
      select lower(action) || ' ' || relname
      from pg_class c, unnest(string_to_array('SELECT INSERT UPDATE DELETE', ' ')) action
      where relnamespace = ${schema}::regnamespace and relname = any (string_to_array(${WRITTEN.join(' ')}, ' '))
        and not has_table_privilege(c.oid, action)
    )
    select current_user as role, quote_literal(current_user) as literal, (select proname from newest where stem = 'grant_app') as grant,
      (select json_agg(what order by what) from lacking) as lacking`
  return { ...found!, lacking: found!.lacking ?? [] }
}
