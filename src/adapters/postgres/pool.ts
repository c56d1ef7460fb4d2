// postgres.js waits for ever on a connection that hangs without closing. Here every statement has a deadline: beyond it the whole
// pool is dropped, so that nothing else waits behind the same dead sockets, and the next statement connects anew. It also carries
// what a lost connection left behind (a statement half written, an error) over to the one that follows, which may then never come
// up [ran]: so a client that has lost one takes no more statements. And a statement that came while it connected waits for ever where
// others are always pipelined on past it [ran]: so it is given no more statements at once than it has connections.
import { settleWithin } from '../../lib/deadline.ts'
import { limitConcurrency } from '../../lib/semaphore.ts'
import createClient, { type Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'
import { isLost, storeError } from './errors.ts'

export type PoolOptions = {
  readonly max: number
  /** Named prepared statements; off behind a pooler. */
  readonly prepare: boolean
  /** Enforced by the server for each statement, in ms; 0 behind a pooler, which refuses start-up parameters. */
  readonly statementTimeoutMs: number
  readonly deadlineMs: number
  readonly connectTimeoutMs: number
}

type LostReason = 'unknown' | 'unavailable'

export type RunOptions = {
  /**
   * The reason given where a connection died, or the deadline passed, after a statement was sent: `unknown` for what writes and must not
   * be sent again. Default: `unavailable`.
   */
  readonly reasonIfLost?: LostReason
  /** Default: the pool's. */
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

  /** Runs statements, and throws a StoreError where they fail. The wait for a connection is as long as the deadline at most. */
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

  /** Statements that are under way on its other connections get so much time to end. */
  #drop(sql: Sql, withinMs: number): void {
    if (this.#sql === sql && !this.#closed) this.#sql = connect(this.#url, this.#options)
    void sql.end({ timeout: withinMs / 1_000 }).catch(() => {})
  }
}

/** A client as all of ours are; `onLost` is told of each connection that closes. */
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
      // The second ends a session whose client reads no more: the first does not, while the server waits to send [ran].
      ...(statementTimeoutMs > 0 && { statement_timeout: statementTimeoutMs, tcp_user_timeout: statementTimeoutMs }),
    },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  }) as unknown as Sql
}
