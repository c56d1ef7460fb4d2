import createClient from 'postgres'
import { eventually } from './patience.ts'
import type { RaceLog } from './race-log.ts'

/** Holds the log's lock from outside, until it is let go. */
export async function holdLock({ url, schema }: RaceLog): Promise<() => Promise<void>> {
  const sql = createClient(url, { max: 1, onnotice: () => {} })
  await sql.unsafe(`select pg_advisory_lock(${schema}.lock_key_v1())`)
  return () => sql.end()
}

/** Resolves when so many sessions wait for the log's lock. */
export async function waitForWaiters({ sql, schema }: RaceLog, many: number): Promise<void> {
  await eventually(`${many} wait for the lock`, async () => (await waiters(sql, schema)).length === many)
}

/** Resolves when nobody has the lock and nobody waits for it: every statement that was under way has ended. */
export async function untilFree({ sql, schema }: RaceLog): Promise<void> {
  await eventually('the lock is free', async () => {
    const [row] = await sql.unsafe<{ free: boolean }[]>(`select pg_try_advisory_xact_lock(${schema}.lock_key_v1()) as free`)
    return row!.free && (await waiters(sql, schema)).length === 0
  })
}

/** Sessions that wait for the lock: its key is shown as two halves. */
function waiters(sql: RaceLog['sql'], schema: string): Promise<readonly { pid: number }[]> {
  return sql.unsafe<{ pid: number }[]>(
    `select pid from pg_locks, (select ${schema}.lock_key_v1() as key) k where locktype = 'advisory' and not granted
      and objsubid = 1 and classid::bigint << 32 | objid::bigint = key
      and database = (select oid from pg_database where datname = current_database())`,
  )
}
