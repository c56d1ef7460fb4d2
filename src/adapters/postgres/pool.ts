// A pool with deadlines.
// postgres.js waits for ever on a connection that hangs without closing. So every statement has a deadline. After it
// the whole pool is dropped, so that nothing else waits for the same dead sockets, and the next statement connects
// again.
// After a lost connection, postgres.js carries its remains (a half-written statement, an error) over to the next
// connection, which may then never come up [ran]. So a client that has lost a connection takes no more statements.
// A statement that was added while a connection was made waits for ever if other statements are always pipelined past
// it [ran]. So a client gets no more statements at once than it has connections.
import { settleWithin } from '../../lib/deadline.ts'
import { patience } from '../../lib/patience.ts'
import { limitConcurrency } from '../../lib/semaphore.ts'
import createClient, { type Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'
import { applicationName, type Role } from './application-name.ts'
import { isLost, storeError } from './errors.ts'
import { PoolUse } from './pool-use.ts'
import type { SessionSettings } from './session.ts'
import { addressOf } from './url.ts'

export type PoolOptions = {
  readonly max: number
  /** The use that its connections are named for. Default: `tool`, for what looks at the database once. */
  readonly role?: Role
  /** Use named prepared statements. Off behind a pooler. */
  readonly prepare: boolean
  /** The settings that each session begins with. None behind a pooler. */
  readonly session: SessionSettings
  readonly deadlineMs: number
  /** The longest wait for a new connection, in ms. Default: that of `patience`. */
  readonly connectTimeoutMs?: number
  /** Checks a client before its first statement, and again once one of its connections was lost. It may throw. */
  readonly prove?: (sql: Sql) => Promise<void>
  /** Counts who uses its connections. Default: nobody is told. */
  readonly use?: PoolUse
}

/** An idle connection is closed after this time, in seconds. */
const IDLE_TIMEOUT_S = 300

type LostReason = 'unknown' | 'unavailable'

export type RunOptions = {
  /**
   * The reason for the error if the connection is lost, or the deadline passes, after a statement was sent: `unknown`
   * for a write that must not be sent again. Default: `unavailable`.
   */
  readonly reasonIfLost?: LostReason
  /** Default: the deadline of the pool. */
  readonly deadlineMs?: number | undefined
}

export class Pool {
  readonly #url: string
  readonly #options: PoolOptions
  #sql: Sql
  #proof: Promise<void> | null = null
  #closed = false
  readonly #inTurn: ReturnType<typeof limitConcurrency>
  readonly #use: PoolUse

  constructor(url: string, options: PoolOptions) {
    this.#url = url
    this.#options = options
    this.#inTurn = limitConcurrency(options.max)
    this.#use = options.use ?? new PoolUse('', options.max)
    this.#sql = this.#connect()
  }

  /** Runs statements, and throws a StoreError if they fail. It waits for a connection for at most the deadline. */
  run<T>(statement: (sql: Sql) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { reasonIfLost = 'unavailable', deadlineMs = this.#options.deadlineMs } = options
    const late = () => new StoreError('unavailable', `no connection was free within ${deadlineMs} ms`)
    return this.#use.watch(begin => {
      const runNow = () => {
        begin()
        return this.#run(statement, reasonIfLost, deadlineMs)
      }
      return this.#inTurn(runNow, { waitMs: deadlineMs, lateError: late })
    })
  }

  async #run<T>(statement: (sql: Sql) => Promise<T>, reasonIfLost: LostReason, deadlineMs: number): Promise<T> {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed')
    const sql = this.#sql
    const hung = () => {
      this.#drop(sql, 0)
      return new StoreError(reasonIfLost, `PostgreSQL did not answer within ${deadlineMs} ms`)
    }
    try {
      return await settleWithin(deadlineMs, this.#runProven(sql, statement), hung)
    } catch (error) {
      if (isLost(error)) this.#drop(sql, deadlineMs)
      throw storeError(error, reasonIfLost)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sql.end({ timeout: 1 })
  }

  async #runProven<T>(sql: Sql, statement: (sql: Sql) => Promise<T>): Promise<T> {
    this.#proof ??= this.#options.prove?.(sql) ?? Promise.resolve()
    const proof = this.#proof
    await proof.catch(error => {
      if (this.#proof === proof) this.#proof = null
      throw error
    })
    return statement(sql)
  }

  #connect(): Sql {
    this.#proof = null
    const onLost = () => {
      this.#proof = null
    }
    return connect(this.#url, this.#options, { onLost })
  }

  /** Drops a client. Running statements on its other connections get this time to end. */
  #drop(sql: Sql, withinMs: number): void {
    if (this.#sql === sql && !this.#closed) this.#sql = this.#connect()
    void sql.end({ timeout: withinMs / 1_000 }).catch(() => {})
  }
}

type Listeners = {
  /** Called for each connection that closes. */
  readonly onLost?: () => void
  /**
   * Called for each notification. All clients have this option of postgres.js, but only `sql.listen` documents it, and
   * that would reconnect without telling us.
   */
  readonly onnotify?: (channel: string, payload: string) => void
}

/** Makes a client with the common settings. A connection that listens stays open while it is idle. */
export function connect(
  url: string,
  {
    max,
    prepare,
    session,
    connectTimeoutMs = patience.connectMs,
    role = 'tool',
  }: Omit<PoolOptions, 'deadlineMs' | 'prove' | 'use'>,
  { onLost = () => {}, onnotify }: Listeners = {},
): Sql {
  const { session: asked, connectTimeoutMs: askedTimeoutMs, ...address } = addressOf(url)
  // Its types know one host, and it takes several.
  const parts = address as typeof address & { readonly host: string & string[]; readonly port: number & number[] }
  return createClient({
    ...parts,
    max,
    prepare,
    fetch_types: false,
    connect_timeout: (askedTimeoutMs ?? connectTimeoutMs) / 1_000,
    idle_timeout: onnotify ? 0 : IDLE_TIMEOUT_S,
    max_lifetime: null,
    backoff: false,
    onnotice: () => {},
    onclose: onLost,
    ...(onnotify && { onnotify }),
    connection: { application_name: applicationName(role), ...asked, ...session },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  }) as unknown as Sql
}
