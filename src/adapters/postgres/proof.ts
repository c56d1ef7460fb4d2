// Proves again, on each new connection, what was proved at the start: behind the same URL there may be another server
// by now.
import { verbCommand } from '../../lib/verb-command.ts'
import type { Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'
import type { LogIdentity } from '../../ports/store/upkeep.ts'
import type { UnitOutcome } from '../../ports/store/unit.ts'
import type { Pool } from './pool.ts'
import { proveServer } from './prove.ts'
import { refuseWrongSettings } from './session.ts'
import type { Transactions } from './transactions.ts'

/** A log with its home: where it is now, and where it was when it was last served. */
export type LogPlace = LogIdentity & { readonly here: string | null; readonly home: string | null }

export async function readPlace(sql: Sql, schema: string): Promise<LogPlace> {
  const [found] = await sql<LogPlace[]>`
    select id::text, epoch, home, ${sql(schema)}.home_v1() as here from ${sql(`${schema}.log`)}`
  return { ...found! }
}

export class Proof {
  readonly #schema: string
  readonly #deadlineMs: number
  #expected: LogPlace | null = null
  #appended = 0

  constructor(schema: string, deadlineMs: number) {
    this.#schema = schema
    this.#deadlineMs = deadlineMs
  }

  /** Sets what each connection has to lead to. Until then every log will do. */
  expect(place: LogPlace): void {
    this.#expected = place
  }

  /** Notes what was answered: no later server may lack it. */
  noteAppended(outcomes: readonly UnitOutcome[]): void {
    for (const found of outcomes)
      if (found.outcome === 'appended')
        for (const { position } of found.slices) this.#appended = Math.max(this.#appended, position)
  }

  /** Throws a StoreError if a connection leads to another log. */
  async checkPlace(sql: Sql): Promise<void> {
    if (!this.#expected) return
    const { id, epoch, here } = this.#expected
    const found = await readPlace(sql, this.#schema)
    if (found.id === id && found.epoch === epoch && found.here === here) return
    const shown = 'the database is another one than at the start, or its log was restored'
    throw new StoreError(
      'unavailable',
      `${shown}: stop all processes, run \`${verbCommand('restore')}\` if it was restored, and start again`,
      {
        shown,
      },
    )
  }

  /** Throws a StoreError if appends of a connection could break a promise. */
  async checkWriter(sql: Sql, others: { readonly reader: Pool; readonly transactions: Transactions }): Promise<void> {
    if (!this.#expected) return
    await proveServer(sql)
    await refuseWrongSettings(sql, this.#deadlineMs)
    await this.checkPlace(sql)
    await this.#refuseLoss(sql)
    await refuseSharedLock(others)
  }

  /** A server that takes over without all that was answered would use its positions twice. */
  async #refuseLoss(sql: Sql): Promise<void> {
    const [top] = await sql<{ head: number }[]>`select coalesce(max(position), 0) as head from ${sql(`${this.#schema}.events`)}`
    if (top!.head >= this.#appended) return
    const shown = `the database has lost events: it ends at ${top!.head}, and ${this.#appended} was answered`
    throw new StoreError('unavailable', `${shown}. Stop all processes, run \`${verbCommand('restore')}\`, and start again`, {
      shown,
    })
  }
}

/** Throws a StoreError unless a lock of one connection is refused to another. */
async function refuseSharedLock({
  reader,
  transactions,
}: {
  readonly reader: Pool
  readonly transactions: Transactions
}): Promise<void> {
  const key = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
  let isShared = false
  await transactions.run(async tx => {
    await tx`select pg_advisory_xact_lock(${key}::bigint)`
    const [found] = await reader.run(sql => sql<{ got: boolean }[]>`select pg_try_advisory_xact_lock(${key}::bigint) as got`)
    isShared = found!.got
    return false
  })
  if (!isShared) return
  const shown = 'advisory locks do not exclude on this database any more'
  throw new StoreError('unavailable', `${shown}, so the order of the log could not be kept`, { shown })
}
