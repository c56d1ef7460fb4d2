// Opens a schema: migrates it, checks the conditions of the promises, and makes the pools.
import { StoreError } from '../../ports/store/errors.ts'
import type { LogIdentity } from '../../ports/store/upkeep.ts'
import { type Announcer, announcer } from './announcer.ts'
import { migrate, upToDate } from './migrate.ts'
import { Pool, type PoolOptions } from './pool.ts'
import { behindPooler, prove } from './prove.ts'
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
}

/** An open store: its connections, by purpose. */
export type OpenLog = {
  readonly identity: LogIdentity
  readonly writer: Pool
  readonly reader: Pool
  readonly projector: Pool
  readonly announcer: Announcer
  readonly transactions: Transactions
  /** Null: a pooler is in between. Whoever waits for a turn would keep one of its few connections from the others. */
  readonly turns: PostgresTurns | null
}

/** The longest time of a page of a read model, in ms. A rebuild writes many rows with a page. */
const PROJECTOR_DEADLINE_MS = 30_000
/** How many connections write read models. */
const PROJECTORS = 4
const CONNECT_TIMEOUT_MS = 3_000
const MIGRATE_DEADLINE_MS = 600_000

/** Opens a log, and refuses a database that cannot keep the promises. */
export async function openLog(url: string, options: OpenOptions): Promise<OpenLog> {
  const { deadlineMs } = options
  const plain = { max: 1, prepare: false, statementTimeoutMs: 0, deadlineMs, connectTimeoutMs: CONNECT_TIMEOUT_MS }
  const [first, second] = [new Pool(url, plain), new Pool(url, plain)]
  try {
    const { identity, pooler } = await prepareLog(first, second, options)
    const pools = openPools(url, options, { ...plain, prepare: !pooler, statementTimeoutMs: pooler ? 0 : deadlineMs })
    const direct = options.directUrl ?? (pooler ? null : url)
    return { identity, ...pools, turns: direct === null ? null : new PostgresTurns(direct, options.schema, plain) }
  } finally {
    await Promise.all([first.close(), second.close()])
  }
}

export async function closeLog({ identity: _, ...pools }: OpenLog): Promise<void> {
  await Promise.all(Object.values(pools).map(pool => pool?.close()))
}

async function prepareLog(first: Pool, second: Pool, { schema, ...options }: OpenOptions) {
  const pooler = options.pooler ?? (await first.run(one => second.run(two => behindPooler(one, two))))
  if (options.migrate) await first.run(sql => migrate(sql, schema), { deadlineMs: MIGRATE_DEADLINE_MS })
  else if (!(await first.run(sql => upToDate(sql, schema))))
    throw new StoreError('refused', `the schema ${schema} lacks migrations; run emaki migrate`)
  await first.run(one => second.run(two => prove(one, two)))
  const [identity] = await first.run(sql => sql<LogIdentity[]>`select id::text, epoch from ${sql(`${schema}.log`)}`)
  return { identity: identity!, pooler }
}

function openPools(url: string, { channel, readers }: OpenOptions, options: PoolOptions): Omit<OpenLog, 'identity' | 'turns'> {
  const statementTimeoutMs = options.statementTimeoutMs && PROJECTOR_DEADLINE_MS
  const long = { ...options, max: PROJECTORS, deadlineMs: PROJECTOR_DEADLINE_MS, statementTimeoutMs }
  return {
    writer: new Pool(url, options),
    reader: new Pool(url, { ...options, max: readers }),
    projector: new Pool(url, long),
    transactions: new Transactions(url, long),
    announcer: announcer(new Pool(url, options), channel),
  }
}
