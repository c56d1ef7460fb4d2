// What is known of promises, in the schema of the log.
import { type Breach, BREACHES_MAX, type Promises, type Seal } from '../../ports/promises/promises.ts'
import type { AgendaOptions } from './agenda.ts'
import type { Pool } from './pool.ts'
import { query } from './query.ts'

export class PostgresPromises implements Promises {
  readonly #schema: string
  readonly #pool: () => Pool

  constructor({ schema, pool }: AgendaOptions) {
    this.#schema = schema
    this.#pool = pool
  }

  async addBreach({ promise, subject, message, foundBy, at }: Breach): Promise<boolean> {
    const call = `select ${this.#schema}.add_breach_v1($1, $2, $3, $4, $5, $6) as added`
    const values = [promise, subject, message, foundBy, at, BREACHES_MAX]
    const [row] = await this.#pool().run(sql => query<{ added: boolean }>(sql, call, values))
    return row!.added
  }

  async breaches(): Promise<readonly Breach[]> {
    const text = `select promise, subject, message, found_by as "foundBy", at::float8 as at
      from ${this.#schema}.breaches
      order by at, promise, subject`
    return this.#pool().run(sql => query<Breach>(sql, text, []))
  }

  forgetBreaches(): Promise<number> {
    return this.#forget('forget_breaches_v1')
  }

  async seal({ after, until, count, digest, lastAt, epoch }: Seal): Promise<void> {
    const call = `select ${this.#schema}.seal_v1($1, $2, $3, $4, $5, $6)`
    await this.#pool().run(sql => query(sql, call, [after, until, count, digest, lastAt, epoch]))
  }

  sealFrom(position: number): Promise<Seal | null> {
    return this.#findSeal('where after >= $1 order by after limit 1', [position])
  }

  lastSeal(): Promise<Seal | null> {
    return this.#findSeal('order by after desc limit 1', [])
  }

  forgetSeals(): Promise<number> {
    return this.#forget('forget_seals_v1')
  }

  async #findSeal(which: string, values: number[]): Promise<Seal | null> {
    const text = `select after::float8, until::float8, count, digest, last_at as "lastAt", epoch from ${this.#schema}.seals ${which}`
    const [found] = await this.#pool().run(sql => query<Seal>(sql, text, values))
    return found ?? null
  }

  async #forget(which: string): Promise<number> {
    const call = `select ${this.#schema}.${which}() as many`
    const [row] = await this.#pool().run(sql => query<{ many: number }>(sql, call, []))
    return row!.many
  }
}
