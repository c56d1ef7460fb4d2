// A pool with deadlines.
// postgres.js waits for ever on a connection that hangs without closing. So every statement has a deadline. After it
// the whole pool is dropped, so that nothing else waits for the same dead sockets, and the next statement connects
// again.
// After a lost connection, postgres.js carries its remains (a half-written statement, an error) over to the next
// connection, which may then never come up [ran]. So a client that has lost a connection takes no more statements.
// A statement that was added while a connection was made waits for ever if other statements are always pipelined past
// it [ran]. So a client gets no more statements at once than it has connections.
import { settleWithin } from '../../lib/deadline.ts'
import { limitConcurrency } from '../../lib/semaphore.ts'
import createClient, { type Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'
import { isLost, storeError } from './errors.ts'

export type PoolOptions = {
  readonly max: number
  /** Use named prepared statements. Off behind a pooler. */
  readonly prepare: boolean
  /** The server ends a statement after this time, in ms. 0 behind a pooler, which refuses start-up parameters. */
  readonly statementTimeoutMs: number
  readonly deadlineMs: number
  readonly connectTimeoutMs: number
}

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
  #closed = false
  readonly #inTurn: ReturnType<typeof limitConcurrency>

  constructor(url: string, options: PoolOptions) {
    this.#url = url
    this.#options = options
    this.#inTurn = limitConcurrency(options.max)
    this.#sql = connect(url, options)
  }

  /** Runs statements, and throws a StoreError if they fail. It waits for a connection for at most the deadline. */
  run<T>(statement: (sql: Sql) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { reasonIfLost = 'unavailable', deadlineMs = this.#options.deadlineMs } = options
    const late = () => new StoreError('unavailable', `no connection was free within ${deadlineMs} ms`)
    return this.#inTurn(() => this.#run(statement, reasonIfLost, deadlineMs), { waitMs: deadlineMs, lateError: late })
  }

  async #run<T>(statement: (sql: Sql) => Promise<T>, reasonIfLost: LostReason, deadlineMs: number): Promise<T> {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed')
    const sql = this.#sql
    const hung = () => {
      this.#drop(sql, 0)
      return new StoreError(reasonIfLost, `PostgreSQL did not answer within ${deadlineMs} ms`)
    }
    try {
      return await settleWithin(deadlineMs, statement(sql), hung)
    } catch (error) {
      if (isLost(error)) this.#drop(sql, deadlineMs)
      throw storeError(error, reasonIfLost)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sql.end({ timeout: 1 })
  }

  /** Drops a client. Running statements on its other connections get this time to end. */
  #drop(sql: Sql, withinMs: number): void {
    if (this.#sql === sql && !this.#closed) this.#sql = connect(this.#url, this.#options)
    void sql.end({ timeout: withinMs / 1_000 }).catch(() => {})
  }
}

/** Makes a client with the common settings. `onLost` is called for each connection that closes. */
export function connect(
  url: string,
  { max, prepare, statementTimeoutMs, connectTimeoutMs }: Omit<PoolOptions, 'deadlineMs'>,
  onLost: () => void = () => {},
): Sql {
  return createClient(url, {
    max,
    prepare,
    fetch_types: false,
    connect_timeout: connectTimeoutMs / 1_000,
    idle_timeout: 300,
    max_lifetime: null,
    backoff: false,
    onnotice: () => {},
    onclose: onLost,
    connection: {
      application_name: 'emaki',
      // The second setting ends a session whose client no longer reads. The first does not end it while the server
      // waits to send [ran].
      ...(statementTimeoutMs > 0 && { statement_timeout: statementTimeoutMs, tcp_user_timeout: statementTimeoutMs }),
    },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  }) as unknown as Sql
}
