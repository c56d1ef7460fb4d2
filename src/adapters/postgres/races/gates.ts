// Sessions that stop at chosen points of the append function. A gate is an advisory lock, one for each writer and point: it is closed
// while we hold it. Whether everyone has come as far as they can is asked of the database, so nothing here waits for a time.
import createClient from 'postgres'
import type { TestSchema } from '../../../test-support/schema.ts'
import { eventually } from './patience.ts'

/** Points of the function: 1 before the lock is taken, 2 when it has been, 3 when all is written and nothing committed. */
export const POINTS = 3

export type Gates = {
  /** The names by which the sessions are known; see `gate` in plants.ts. */
  readonly writers: readonly number[]
  /** Closes all gates. */
  readonly close: () => Promise<void>
  readonly open: (writer: number, point: number) => Promise<void>
  /** Resolves when every writer that `isOn` waits for a gate or for another. */
  readonly quiet: (isOn: (writer: number) => boolean) => Promise<void>
  /** Cancels the statement of a writer where it waits, or ends its session; false: it does not wait. */
  readonly interrupt: (writer: number, how: 'cancel' | 'terminate') => Promise<boolean>
  readonly end: () => Promise<void>
}

let named = Math.floor(Math.random() * 1_000_000_000)

export function gates({ url }: TestSchema, many: number): Gates {
  const sql = createClient(url, { max: 1, onnotice: () => {}, fetch_types: false })
  const writers = Array.from({ length: many }, () => named++)
  const points = writers.flatMap(writer => Array.from({ length: POINTS }, (_, i) => ({ writer, point: i + 1 })))
  const list = `(${writers.join(',')})`
  const values = points.map(({ writer, point }) => `(${writer},${point})`).join(',')
  // A session is known by the gate it waits for, or has passed: it keeps those locks to the end of its transaction.
  const waiting = `select writer.classid::bigint::integer as writer, writer.pid from pg_locks writer
    where writer.locktype = 'advisory' and writer.objsubid = 2 and writer.mode = 'ShareLock' and writer.classid::bigint in ${list}
      and exists (select from pg_locks its where its.pid = writer.pid and not its.granted)`

  async function waiters(): Promise<ReadonlyMap<number, number>> {
    const rows = await sql.unsafe<{ writer: number; pid: number }[]>(waiting)
    return new Map(rows.map(({ writer, pid }) => [writer, pid]))
  }

  return {
    writers,
    close: async () => {
      await sql.unsafe(`select pg_advisory_unlock_all()`)
      await sql.unsafe(`select pg_advisory_lock(writer, point) from (values ${values}) v(writer, point)`)
    },
    open: async (writer, point) => void (await sql.unsafe(`select pg_advisory_unlock(${writer}, ${point})`)),
    quiet: async isOn => {
      for (let asked = 0; asked < ASK_MAX; asked++) {
        const found = await waiters()
        if (writers.every(writer => !isOn(writer) || found.has(writer))) return
      }
      await eventually('every writer waits or has ended', async () => {
        const found = await waiters()
        return writers.every(writer => !isOn(writer) || found.has(writer))
      })
    },
    interrupt: async (writer, how) => {
      const pid = (await waiters()).get(writer)
      if (pid !== undefined) await sql.unsafe(`select pg_${how}_backend(${pid})`)
      return pid !== undefined
    },
    end: () => sql.end(),
  }
}
/** How often the database is asked without a pause before it is asked with one. */
const ASK_MAX = 50
