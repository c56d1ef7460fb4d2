// postgres.js waits for ever on a connection that hangs without closing. Here every statement has a deadline: beyond it the whole
// pool is dropped, so that nothing else waits behind the same dead sockets, and the next statement connects anew.
import createClient, { type Sql } from 'postgres'
import { StoreError } from '../store/store.ts'
import { storeError } from './errors.ts'

export type PoolOptions = {
  readonly max: number
  /** Named prepared statements; off behind a pooler. */
  readonly prepare: boolean
  /** Enforced by the server for each statement, in ms; 0 behind a pooler, which refuses start-up parameters. */
  readonly statementTimeoutMs: number
  readonly deadlineMs: number
  readonly connectTimeoutMs: number
}

export class Pool {
  readonly #url: string
  readonly #options: PoolOptions
  #sql: Sql
  #closed = false

  constructor(url: string, options: PoolOptions) {
    this.#url = url
    this.#options = options
    this.#sql = connect(url, options)
  }

  /**
   * Runs statements, and throws a StoreError for whatever fails. `lost` is the reason given where a connection died, or the deadline
   * passed, after a statement was sent: `unknown` for what writes.
   */
  async run<T>(
    lost: 'unknown' | 'unavailable',
    statement: (sql: Sql) => Promise<T>,
    deadlineMs: number = this.#options.deadlineMs,
  ): Promise<T> {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed')
    const sql = this.#sql
    const hung = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      hung.reject(new StoreError(lost, `PostgreSQL did not answer within ${deadlineMs} ms`))
      this.#drop(sql)
    }, deadlineMs)
    try {
      return await Promise.race([statement(sql), hung.promise])
    } catch (error) {
      throw storeError(error, lost)
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sql.end({ timeout: 1 })
  }

  #drop(sql: Sql): void {
    if (this.#sql === sql && !this.#closed) this.#sql = connect(this.#url, this.#options)
    void sql.end({ timeout: 0 }).catch(() => {})
  }
}

function connect(url: string, { max, prepare, statementTimeoutMs, connectTimeoutMs }: PoolOptions): Sql {
  return createClient(url, {
    max,
    prepare,
    fetch_types: false,
    connect_timeout: connectTimeoutMs / 1_000,
    idle_timeout: 300,
    max_lifetime: null,
    backoff: false,
    onnotice: () => {},
    connection: { application_name: 'emaki', ...(statementTimeoutMs > 0 && { statement_timeout: statementTimeoutMs }) },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  }) as unknown as Sql
}
