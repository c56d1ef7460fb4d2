// Opens a schema: migrates it, checks the conditions of the promises, and makes the pools.
import { verbCommand } from '../../lib/verb-command.ts'
import type { Sql } from 'postgres'
import type { Meter } from '../../ports/metrics/meter.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { type Announcer, announcer } from './announcer.ts'
import type { Role } from './application-name.ts'
import { migrate, upToDate } from './migrate.ts'
import { Pool, type PoolOptions } from './pool.ts'
import { PoolUse } from './pool-use.ts'
import { type LogPlace, Proof, readPlace } from './proof.ts'
import { behindPooler, prove } from './prove.ts'
import { poolSession, refuseWrongSettings, type SessionSettings } from './session.ts'
import { openTaken } from './open-taken.ts'
import { Transactions } from './transactions.ts'
import { PostgresTurns } from './turns.ts'

export type OpenOptions = {
  readonly schema: string
  readonly channel: string
  readonly migrate: boolean
  readonly pooler?: boolean | undefined
  readonly directUrl?: string | undefined
  readonly deadlineMs: number
  readonly readers: number
  readonly meter: Meter
}

/** The connections of an open store, by purpose. */
type Pools = {
  readonly writer: Pool
  readonly reader: Pool
  readonly projector: Pool
  readonly announcer: Announcer
  readonly transactions: Transactions
}
/** What the pools are called in metrics, with their use. */
type Uses = { readonly uses: readonly PoolUse[] }
export type OpenLog = Pools &
  Uses & {
    /** Null: a pooler is in between. Whoever waits for a turn would keep one of its few connections from the others. */
    readonly turns: PostgresTurns | null
    readonly proof: Proof
    readonly place: LogPlace
  }

/** The longest time of a page of a read model, in ms. A rebuild writes many rows with a page. */
const PROJECTOR_DEADLINE_MS = 30_000
/** How many connections write read models. */
const PROJECTORS = 4
const MIGRATE_DEADLINE_MS = 600_000

/** Opens a log, and refuses a database that cannot keep the promises. */
export async function openLog(url: string, options: OpenOptions): Promise<OpenLog> {
  const single = { max: 1, role: 'start', prepare: false, deadlineMs: options.deadlineMs } as const
  // A pooler that is known takes no settings.
  const { pool: first, session } = options.pooler
    ? { pool: new Pool(url, { ...single, session: {} }), session: {} }
    : await openTaken(url, single)
  const second = new Pool(url, { ...single, session })
  try {
    const pooler = options.pooler ?? (await first.run(one => second.run(two => behindPooler(one, two))))
    // Behind a pooler nothing can be set: the lock is not proved in a session that does not fit.
    if (Object.keys(session).length === 0) await first.run(sql => refuseWrongSettings(sql, options.deadlineMs))
    const { synchronousCommit } = await first.run(one => second.run(two => prove(one, two)))
    const proof = new Proof(options.schema, options.deadlineMs)
    const sessionFor = (deadlineMs: number) => poolSession(session, deadlineMs, synchronousCommit)
    const { uses, ...pools } = openPools(url, options, { ...single, prepare: !pooler }, sessionFor, proof)
    try {
      const place = await prepareLog(first, pools, options)
      proof.expect(place)
      const direct = options.directUrl ?? (pooler ? null : url)
      const turns =
        direct === null ? null : new PostgresTurns(direct, options.schema, { ...single, session: direct === url ? session : {} })
      return { ...pools, uses, turns, proof, place }
    } catch (error) {
      await closePools(pools)
      throw error
    }
  } finally {
    await Promise.all([first.close(), second.close()])
  }
}

export async function closeLog({ proof: _, place: __, uses: ___, ...pools }: OpenLog): Promise<void> {
  await closePools(pools)
}

async function closePools(pools: Pools & { readonly turns?: PostgresTurns | null }): Promise<void> {
  await Promise.all(Object.values(pools).map(pool => pool?.close()))
}

/** Checks the sessions that will serve, and migrates. Gives what the log is. */
async function prepareLog(plain: Pool, { writer }: Pools, { schema, deadlineMs, ...options }: OpenOptions): Promise<LogPlace> {
  await writer.run(sql => refuseWrongSettings(sql, deadlineMs))
  if (options.migrate) await plain.run(sql => migrate(sql, schema), { deadlineMs: MIGRATE_DEADLINE_MS })
  else if (!(await plain.run(sql => upToDate(sql, schema))))
    throw new StoreError('refused', `the schema ${schema} lacks migrations; run \`${verbCommand('migrate')}\``)
  return writer.run(sql => readPlace(sql, schema))
}

function openPools(
  url: string,
  { channel, readers, meter }: OpenOptions,
  options: Omit<PoolOptions, 'session'>,
  sessionFor: (deadlineMs: number) => SessionSettings,
  proof: Proof,
): Pools & Uses {
  const uses: PoolUse[] = []
  const lasting = (role: Role, max: number, deadlineMs: number = options.deadlineMs): PoolOptions => {
    const use = new PoolUse(role, max, meter)
    uses.push(use)
    return { ...options, role, max, use, deadlineMs, prove: sql => proof.checkPlace(sql), session: sessionFor(deadlineMs) }
  }
  const reader = new Pool(url, lasting('reader', readers))
  const transactions = new Transactions(url, lasting('transactions', PROJECTORS, PROJECTOR_DEADLINE_MS))
  const prove = (sql: Sql) => proof.checkWriter(sql, { reader, transactions })
  return {
    uses,
    writer: new Pool(url, { ...lasting('writer', 1), prove }),
    reader,
    projector: new Pool(url, lasting('projector', PROJECTORS, PROJECTOR_DEADLINE_MS)),
    transactions,
    announcer: announcer(new Pool(url, lasting('announcer', 1)), channel),
  }
}
