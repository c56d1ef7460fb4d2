// Transactions of several statements. postgres.js goes on with one whose connection is lost: its next statement, its own rollback too, is
// written to a socket that is gone, which ends the process, or to the session of whoever has the connection by then. So each has a client
// to itself while it lasts, nothing more is sent once its connection is lost, and that client is not used again.
import { settleWithin } from '../../lib/deadline.ts'
import type { ISql, Sql, TransactionSql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'
import { storeError } from './errors.ts'
import { connect, type PoolOptions } from './pool.ts'

type Client = { readonly sql: Sql; lost: boolean }

export class Transactions {
  readonly #url: string
  readonly #options: PoolOptions
  readonly #idle: Client[] = []
  readonly #waiting: (() => void)[] = []
  #busy = 0
  #closed = false

  constructor(url: string, options: PoolOptions) {
    this.#url = url
    this.#options = options
  }

  /**
   * Commits what `run` does where it gives true, and else rolls it back. What fails is a StoreError, and what `run` throws that is one is
   * thrown as it is, as `unknown` where it did not end within `deadlineMs`. At most `max` at once; others wait.
   */
  async run(run: (tx: TransactionSql) => Promise<boolean>, deadlineMs: number = this.#options.deadlineMs): Promise<boolean> {
    if (this.#busy === this.#options.max) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#busy++
    const client = this.#takeClient()
    try {
      return await this.#runWithin(client, run, deadlineMs)
    } finally {
      this.#giveBack(client)
      const next = this.#waiting.shift()
      if (next) next()
      else this.#busy--
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#idle.splice(0).map(({ sql }) => sql.end({ timeout: 1 })))
  }

  async #runWithin(client: Client, run: (tx: TransactionSql) => Promise<boolean>, deadlineMs: number): Promise<boolean> {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed')
    const refused = new StoreError('refused', 'there is nothing to commit')
    const late = () => {
      client.lost = true
      return new StoreError('unknown', `the transaction did not end within ${deadlineMs} ms`)
    }
    const whole = client.sql.begin(
      whileConnected(client, async tx => {
        if (!(await run(tx))) throw refused
      }),
    )
    try {
      await settleWithin(deadlineMs, whole, late)
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
    const client: Client = {
      sql: connect(this.#url, { ...this.#options, max: 1 }, () => {
        client.lost = true
      }),
      lost: false,
    }
    return client
  }

  #giveBack(client: Client): void {
    if (client.lost || this.#closed) void client.sql.end({ timeout: 0 }).catch(() => {})
    else this.#idle.push(client)
  }
}

/** Never ends once the connection is lost: whoever waits is told of that by postgres.js, which would then end the transaction itself. */
function whileConnected<T, Tx extends ISql>(client: Client, run: (tx: Tx) => Promise<T>): (tx: Tx) => Promise<T> {
  return async tx => {
    try {
      return await run(guardConnection(tx, client))
    } finally {
      if (client.lost) await new Promise<never>(() => {})
    }
  }
}

/** A transaction's handle that refuses once its connection is lost. */
function guardConnection<Tx extends ISql>(tx: Tx, client: Client): Tx {
  const connected = () => {
    if (client.lost) throw new StoreError('unavailable', 'the connection of this transaction is lost')
  }
  return new Proxy(tx, {
    // What is called is postgres.js's own; only when it is called is ours.
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
