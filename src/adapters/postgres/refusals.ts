// Refusals in the schema of the log.
import type { NewRefusal, RefusalRecord, RefusalBounds, RefusalFilter, Refusals } from '../../ports/refusals/refusals.ts'
import type { AgendaOptions } from './agenda.ts'
import type { Pool } from './pool.ts'
import { query } from './query.ts'

export class PostgresRefusals implements Refusals {
  readonly #schema: string
  readonly #pool: () => Pool

  constructor({ schema, pool }: AgendaOptions) {
    this.#schema = schema
    this.#pool = pool
  }

  async add(refusals: readonly NewRefusal[]): Promise<void> {
    const call = `select ${this.#schema}.add_refusals_v1($1::text::json)`
    await this.#pool().run(sql => query(sql, call, [JSON.stringify(refusals)]))
  }

  async list({ command, code, actor, since, limit }: RefusalFilter): Promise<readonly RefusalRecord[]> {
    const text = `select at, by, command, stream, actor, code, text, correlation, trace_id as "traceId", more
      from ${this.#schema}.refusals
      where at >= to_timestamp($1::float8 / 1000) and ($2::text is null or command = $2) and ($3::text is null or code = $3)
        and ($4::text is null or actor = $4)
      order by seq desc limit $5`
    const values = [since, command ?? null, code ?? null, actor ?? null, limit]
    const rows = await this.#pool().run(sql => query<Omit<RefusalRecord, 'at'> & { readonly at: Date }>(sql, text, values))
    return rows.map(row => ({ ...row, at: row.at.toISOString() }))
  }

  async forget({ after, ofKind, all }: RefusalBounds): Promise<number> {
    const call = `select ${this.#schema}.forget_refusals_v1($1, $2, $3) as many`
    const [row] = await this.#pool().run(sql => query<{ many: number }>(sql, call, [after, ofKind, all]))
    return row!.many
  }
}
