// Turns on contested streams: the transaction-level advisory lock of a stream, held over several appends. PostgreSQL
// gives a lock first come, first served, and takes it back from a process that is gone. The pair of numbers lies in
// another space than the log's own lock, which is one number. Two streams with one pair only take turns with each other.
import type { TransactionSql } from 'postgres'
import type { PoolOptions } from './pool.ts'
import { Transactions } from './transactions.ts'

/** How many turns this process takes at once. Each has a connection while it waits, and while it lasts. */
const TURNS_MAX = 4
/** After this wait a process appends without a turn, in ms. */
const WAIT_MS = 2_000
/** The server ends a turn after this time, in ms, so that a process which stands still does not hold up the others. */
const TURN_MS = 2_000

export class PostgresTurns {
  readonly #transactions: Transactions
  readonly #schema: string
  #taken = 0

  constructor(url: string, schema: string, options: PoolOptions) {
    this.#transactions = new Transactions(url, { ...options, role: 'turns', max: TURNS_MAX, deadlineMs: WAIT_MS + TURN_MS })
    this.#schema = schema
  }

  /** Gives the function that ends the turn. Null: too many turns are taken, the wait was too long, or it failed. */
  async take(stream: string): Promise<(() => void) | null> {
    if (this.#taken === TURNS_MAX) return null
    this.#taken++
    const begun = Promise.withResolvers<(() => void) | null>()
    const ended = Promise.withResolvers<boolean>()
    const hold = async (tx: TransactionSql) => {
      await this.#lock(tx, stream)
      begun.resolve(() => ended.resolve(true))
      return ended.promise
    }
    const giveBack = () => {
      this.#taken--
      begun.resolve(null)
    }
    this.#transactions.run(hold).then(giveBack, giveBack)
    return begun.promise
  }

  close(): Promise<void> {
    return this.#transactions.close()
  }

  async #lock(tx: TransactionSql, stream: string): Promise<void> {
    await tx`select set_config('lock_timeout', ${`${WAIT_MS}`}, true),
      set_config('idle_in_transaction_session_timeout', ${`${TURN_MS}`}, true),
      pg_advisory_xact_lock(hashtext(${this.#schema}), hashtext(${stream}))`
  }
}
