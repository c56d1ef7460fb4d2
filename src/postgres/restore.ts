// What a log needs after its schema was restored to an earlier time.
import type { TransactionSql } from 'postgres'
import type { Restored } from '../store/store.ts'

/** Raises the epoch, and forgets what is of events that are gone. Nobody appends meanwhile. */
export async function restore(tx: TransactionSql, schema: string): Promise<Restored> {
  await tx`select pg_advisory_xact_lock(${tx(schema)}.lock_key_v1())`
  const events = tx(`${schema}.events`)
  const [top] = await tx<{ head: number }[]>`select coalesce(max(position), 0) as head from ${events}`
  const { head } = top!
  const keys = await tx`delete from ${tx(`${schema}.keys`)} where position > ${head}`
  const snapshots = await tx`
    delete from ${tx(`${schema}.snapshots`)} s
    where s.version > coalesce((select max(e.version) from ${events} e where e.stream = s.stream), 0)`
  const entries = await tx`delete from ${tx(`${schema}.agenda`)} where ended_at is null and at_position > ${head}`
  // A copy of the rows without that of the sequence would give positions out twice.
  await tx`select setval(${`${schema}.positions`}, ${head}) where ${head} > (select last_value from ${tx(`${schema}.positions`)})`
  const [log] = await tx<{ epoch: number }[]>`update ${tx(`${schema}.log`)} set epoch = epoch + 1 returning epoch`
  return { epoch: log!.epoch, keys: keys.count, snapshots: snapshots.count, entries: entries.count }
}
