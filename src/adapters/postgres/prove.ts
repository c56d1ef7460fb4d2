// Checks the conditions of the promises on this database, before it is served.
import type { Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'

/** The oldest major release that is tested. */
export const VERSION_MIN = 150_000

/** What a session needs to know of its server: its release, and how it commits if nobody says otherwise. */
export type Server = { readonly version: number; readonly synchronousCommit: string }

/**
 * Whether a pooler in transaction mode is in between: two of our connections then share a server process, or the
 * process of one changes. Asks both connections in turn for their process.
 */
export async function behindPooler(one: Sql, two: Sql): Promise<boolean> {
  const pids: number[] = []
  for (const sql of [one, two, one, two]) pids.push((await sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]!.pid)
  return pids[0] === pids[1] || pids[0] !== pids[2] || pids[1] !== pids[3]
}

/** Throws a StoreError if the database takes no writes, for now: a standby, or one that is set to be read-only. */
export async function refuseReadOnly(sql: Sql): Promise<void> {
  const [found] = await sql<{ standby: boolean; mode: string }[]>`
    select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as mode`
  if (found!.mode === 'off') return
  const shown = found!.standby ? 'the database is a standby, which takes no writes' : 'the database is read-only'
  const fix = found!.standby
    ? 'connect to the primary, or promote this one'
    : 'see why, such as a full disk; then set default_transaction_read_only to off for the role and the database'
  throw new StoreError('unavailable', `${shown}: ${fix}`, { shown })
}

/** Throws a StoreError that names the missing condition: writes, release, encoding, durable commits, or an exclusive lock. */
export async function prove(sql: Sql, other: Sql): Promise<Server> {
  const server = await proveServer(sql)
  if (!(await excludes(sql, other)))
    throw new StoreError('refused', 'advisory locks do not exclude on this database, so the order of the log could not be kept')
  return server
}

/** Throws as `prove` does, for all that one connection can tell. */
export async function proveServer(sql: Sql): Promise<Server> {
  const [settings] = await sql<(Server & { encoding: string; fsync: string; pages: string })[]>`
    select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
      current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
      current_setting('synchronous_commit') as "synchronousCommit"`
  const { version, encoding, fsync, pages, synchronousCommit } = settings!
  await refuseReadOnly(sql)
  if (version < VERSION_MIN) throw new StoreError('refused', `PostgreSQL 15 or newer is needed; found ${version}`)
  if (encoding !== 'UTF8') throw new StoreError('refused', `a database in UTF8 is needed; found ${encoding}`)
  if (fsync !== 'on' || pages !== 'on')
    throw new StoreError('refused', `commits are not durable: fsync ${fsync}, full_page_writes ${pages}; both are needed on`)
  return { version, synchronousCommit }
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
