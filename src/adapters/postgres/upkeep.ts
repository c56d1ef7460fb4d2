// Keeps a log in a schema small, and prepares it for use after a restore to an earlier time.
import type { TransactionSql } from 'postgres'
import type { NewSnapshot } from '../../ports/store/load.ts'
import type { RestoreResult } from '../../ports/store/upkeep.ts'
import { GONE_MS, PASSED_KEEP_MS } from '../../ports/store/sent-keys.ts'
import type { KeptKey } from '../../ports/store/unit.ts'
import type { Pool } from './pool.ts'
import { query } from './query.ts'
import { list, texts } from './text.ts'

const FORGET_KEYS_MAX = 10_000
const END_KEYS_MAX = 1_000

export async function saveSnapshots(pool: Pool, schema: string, snapshots: readonly NewSnapshot[]): Promise<void> {
  const values = [
    texts(snapshots.map(({ stream }) => stream)),
    list(snapshots.map(({ fold }) => fold)),
    list(snapshots.map(({ version }) => version)),
    texts(snapshots.map(({ state }) => state)),
  ]
  await pool.run(sql => query(sql, `select ${schema}.save_snapshots_v2($1, $2, $3, $4)`, values))
}

/** Gives a page of the keys that still live. */
export function listKeys(
  pool: Pool,
  schema: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly KeptKey[]> {
  const text = `
    select key, fingerprint, stream, version, count, rejection, floor(extract(epoch from until) * 1000)::bigint as until
    from ${schema}.keys
    where key > $1 and (until is null or until > clock_timestamp())
    order by key
    limit $2`
  return pool.run(sql => query<KeptKey>(sql, text, [after, limit]))
}

/** Deletes keys whose time is over, in groups that keep each statement short. */
export async function forgetKeys(pool: Pool, schema: string): Promise<number> {
  await endSentKeys(pool, schema)
  const call = `select ${schema}.forget_keys_v3($1) as many`
  for (let forgotten = 0; ; ) {
    const [row] = await pool.run(sql => query<{ many: number }>(sql, call, [FORGET_KEYS_MAX]))
    forgotten += row!.many
    if (row!.many < FORGET_KEYS_MAX) return forgotten
  }
}

/** Gives an end to keys of processors whose events cannot come again. A page of the processor waits for a statement of these. */
async function endSentKeys(pool: Pool, schema: string): Promise<void> {
  const call = `select ${schema}.end_sent_keys_v1($1, $2, $3) as many`
  for (;;) {
    const [row] = await pool.run(sql => query<{ many: number }>(sql, call, [END_KEYS_MAX, PASSED_KEEP_MS, GONE_MS]))
    if (row!.many < END_KEYS_MAX) return
  }
}

/** Raises the epoch, and deletes data of lost events. Nobody appends meanwhile. */
export async function beginEpoch(tx: TransactionSql, schema: string): Promise<RestoreResult> {
  await tx`select pg_advisory_xact_lock(${tx(schema)}.lock_key_v1())`
  const events = tx(`${schema}.events`)
  const [top] = await tx<{ head: number }[]>`select coalesce(max(position), 0) as head from ${events}`
  const { head } = top!
  const keys = await tx`delete from ${tx(`${schema}.keys`)} where position > ${head}`
  const snapshots = await tx`
    delete from ${tx(`${schema}.snapshots`)} s
    where s.version > coalesce((select max(e.version) from ${events} e where e.stream = s.stream), 0)`
  const entries = await tx`delete from ${tx(`${schema}.agenda`)} where ended_at is null and at_position > ${head}`
  // A copy of the rows without the sequence would use positions twice.
  await tx`select setval(${`${schema}.positions`}, ${head}) where ${head} > (select last_value from ${tx(`${schema}.positions`)})`
  const [log] = await tx<
    { epoch: number }[]
  >`update ${tx(`${schema}.log`)} set epoch = epoch + 1, home = ${tx(schema)}.home_v1() returning epoch`
  return { epoch: log!.epoch, keys: keys.count, snapshots: snapshots.count, entries: entries.count }
}
