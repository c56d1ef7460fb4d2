// Transactions of several statements. postgres.js continues a transaction after its connection is lost: the next
// statement, or its own rollback, is written to a closed socket, which ends the process, or to the session of another
// user of the connection. So each transaction has a client of its own, sends nothing after its connection is lost, and
// that client is not used again.
import { settleWithin } from '../../lib/deadline.ts'
import type { ISql, Sql, TransactionSql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'
import { storeError } from './errors.ts'
import { connect, type PoolOptions } from './pool.ts'
import { PoolUse } from './pool-use.ts'

type Client = { readonly sql: Sql; lost: boolean; isProven: boolean }

export class Transactions {
  readonly #url: string
  readonly #options: PoolOptions
  readonly #idle: Client[] = []
  readonly #running = new Set<Client>()
  readonly #waiting: (() => void)[] = []
  readonly #use: PoolUse
  #busy = 0
  #closed = false

  constructor(url: string, options: PoolOptions) {
    this.#url = url
    this.#options = options
    this.#use = options.use ?? new PoolUse('', options.max)
  }

  /**
   * Commits the work of `run` if it gives true, and rolls it back otherwise. Failures are StoreErrors. A StoreError of
   * `run` itself is thrown unchanged. A transaction that does not end within `deadlineMs` is `unknown`. At most `max`
   * run at once; others wait.
   */
  run(run: (tx: TransactionSql) => Promise<boolean>, deadlineMs: number = this.#options.deadlineMs): Promise<boolean> {
    return this.#use.watch(begin => this.#runInTurn(begin, run, deadlineMs))
  }

  async #runInTurn(begin: () => void, run: (tx: TransactionSql) => Promise<boolean>, deadlineMs: number): Promise<boolean> {
    if (this.#busy === this.#options.max) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#busy++
    begin()
    const client = this.#takeClient()
    this.#running.add(client)
    try {
      return await this.#runWithin(client, run, deadlineMs)
    } finally {
      this.#running.delete(client)
      this.#giveBack(client)
      const next = this.#waiting.shift()
      if (next) next()
      else this.#busy--
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    // The server rolls back what is still running.
    for (const client of this.#running) {
      client.lost = true
      void client.sql.end({ timeout: 0 }).catch(() => {})
    }
    await Promise.all(this.#idle.splice(0).map(({ sql }) => sql.end({ timeout: 1 })))
  }

  async #runWithin(client: Client, run: (tx: TransactionSql) => Promise<boolean>, deadlineMs: number): Promise<boolean> {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed')
    const refused = new StoreError('refused', 'there is nothing to commit')
    const late = () => {
      client.lost = true
      return new StoreError('unknown', `the transaction did not end within ${deadlineMs} ms`)
    }
    const whole = async () => {
      if (!client.isProven) await this.#options.prove?.(client.sql)
      client.isProven = true
      await client.sql.begin(
        whileConnected(client, async tx => {
          if (!(await run(tx))) throw refused
        }),
      )
    }
    try {
      await settleWithin(deadlineMs, whole(), late)
      return true
    } catch (error) {
      if (error === refused) return false
      throw storeError(error, 'unknown')
    }
  }

  #takeClient(): Client {
    for (let client = this.#idle.pop(); client; client = this.#idle.pop()) {
      if (!client.lost) return client
      this.#giveBack(client)
    }
    const onLost = () => {
      client.lost = true
    }
    const client: Client = {
      sql: connect(this.#url, { ...this.#options, max: 1 }, { onLost }),
      lost: false,
      isProven: false,
    }
    return client
  }

  #giveBack(client: Client): void {
    if (client.lost || this.#closed) void client.sql.end({ timeout: 0 }).catch(() => {})
    else this.#idle.push(client)
  }
}

/**
 * Runs on a connection. The promise never settles once the connection is lost: postgres.js informs the callers, and
 * would otherwise end the transaction itself.
 */
function whileConnected<T, Tx extends ISql>(client: Client, run: (tx: Tx) => Promise<T>): (tx: Tx) => Promise<T> {
  return async tx => {
    try {
      return await run(guardConnection(tx, client))
    } finally {
      if (client.lost) await new Promise<never>(() => {})
    }
  }
}

/** A transaction's handle that refuses statements once its connection is lost. */
function guardConnection<Tx extends ISql>(tx: Tx, client: Client): Tx {
  const connected = () => {
    if (client.lost) throw new StoreError('unavailable', 'the connection of this transaction is lost')
  }
  return new Proxy(tx, {
    // The called functions are postgres.js's own. Only the time of the call is ours.
    apply: (target, self, values) => {
      connected()
      return Reflect.apply(target as unknown as (...values: unknown[]) => unknown, self, values)
    },
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...values: unknown[]) => {
        connected()
        const inner = values.map(value =>
          name === 'savepoint' && typeof value === 'function' ? whileConnected(client, value as never) : value,
        )
        return Reflect.apply(member, target, inner)
      }
    },
  })
}
