// Checks the conditions of the promises on this database, before it is served.
import type { Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'

/** The oldest major release that is tested. */
export const VERSION_MIN = 150_000

/**
 * Whether a pooler in transaction mode is in between: two of our connections then share a server process, or the
 * process of one changes. Asks both connections in turn for their process.
 */
export async function behindPooler(one: Sql, two: Sql): Promise<boolean> {
  const pids: number[] = []
  for (const sql of [one, two, one, two]) pids.push((await sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]!.pid)
  return pids[0] === pids[1] || pids[0] !== pids[2] || pids[1] !== pids[3]
}

/** Throws a StoreError that names the missing condition: release, encoding, durable commits, or an exclusive lock. */
export async function prove(sql: Sql, other: Sql): Promise<void> {
  const [settings] = await sql<{ version: number; encoding: string; fsync: string; pages: string }[]>`
    select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
      current_setting('fsync') as fsync, current_setting('full_page_writes') as pages`
  const { version, encoding, fsync, pages } = settings!
  if (version < VERSION_MIN) throw new StoreError('refused', `PostgreSQL 15 or newer is needed; found ${version}`)
  if (encoding !== 'UTF8') throw new StoreError('refused', `a database in UTF8 is needed; found ${encoding}`)
  if (fsync !== 'on' || pages !== 'on')
    throw new StoreError('refused', `commits are not durable: fsync ${fsync}, full_page_writes ${pages}; both are needed on`)
  if (!(await excludes(sql, other)))
    throw new StoreError('refused', 'advisory locks do not exclude on this database, so the order of the log could not be kept')
}

/** Whether a lock of one transaction is refused to another, and free once the first has ended. */
export async function excludes(sql: Sql, other: Sql): Promise<boolean> {
  const key = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
  const attempt = async () => (await other<{ got: boolean }[]>`select pg_try_advisory_xact_lock(${key}::bigint) as got`)[0]!.got
  const whileHeld = await sql.begin(async tx => {
    await tx`select pg_advisory_xact_lock(${key}::bigint)`
    return attempt()
  })
  return !whileHeld && (await attempt())
}
