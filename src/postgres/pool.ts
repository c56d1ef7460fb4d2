// postgres.js waits for ever on a connection that hangs without closing. Here every statement has a deadline: beyond it the whole
// pool is dropped, so that nothing else waits behind the same dead sockets, and the next statement connects anew. It also carries
// what a lost connection left behind (a statement half written, an error) over to the one that follows, which may then never come
// up [ran]: so a client that has lost one takes no more statements. And a statement that came while it connected waits for ever where
// others are always pipelined on past it [ran]: so it is given no more statements at once than it has connections.
import createClient, { type Sql } from 'postgres'
import { StoreError } from '../store/errors.ts'
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
  #busy = 0
  /** Who waits for a connection, in the order in which they came. */
  readonly #waiting = new Set<() => void>()

  constructor(url: string, options: PoolOptions) {
    this.#url = url
    this.#options = options
    this.#sql = connect(url, options)
  }

  /** Runs statements, and throws a StoreError where they fail. The wait for a connection is as long as the deadline at most. */
  async run<T>(statement: (sql: Sql) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { reasonIfLost = 'unavailable', deadlineMs = this.#options.deadlineMs } = options
    if (this.#busy === this.#options.max) await this.#turn(deadlineMs)
    else this.#busy++
    try {
      return await this.#run(statement, reasonIfLost, deadlineMs)
    } finally {
      const [next] = this.#waiting
      if (next) next()
      else this.#busy--
    }
  }

  async #run<T>(statement: (sql: Sql) => Promise<T>, reasonIfLost: LostReason, deadlineMs: number): Promise<T> {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed')
    const sql = this.#sql
    const hung = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      hung.reject(new StoreError(reasonIfLost, `PostgreSQL did not answer within ${deadlineMs} ms`))
      this.#drop(sql, 0)
    }, deadlineMs)
    try {
      return await Promise.race([statement(sql), hung.promise])
    } catch (error) {
      if (isLost(error)) this.#drop(sql, deadlineMs)
      throw storeError(error, reasonIfLost)
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sql.end({ timeout: 1 })
  }

  /** Resolves when a statement has ended and leaves its connection to this one. */
  #turn(deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = () => {
        clearTimeout(timer)
        this.#waiting.delete(next)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(next)
        reject(new StoreError('unavailable', `no connection was free within ${deadlineMs} ms`))
      }, deadlineMs)
      this.#waiting.add(next)
    })
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
