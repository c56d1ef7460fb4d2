// Samples in the schema of the log.
import type { Sample, SampleBatch, SampleFilter, Samples } from '../../ports/samples/samples.ts'
import type { AgendaOptions } from './agenda.ts'
import type { Pool } from './pool.ts'
import { query } from './query.ts'

export class PostgresSamples implements Samples {
  readonly #schema: string
  readonly #pool: () => Pool

  constructor({ schema, pool }: AgendaOptions) {
    this.#schema = schema
    this.#pool = pool
  }

  async add({ writer, number, samples }: SampleBatch): Promise<void> {
    const call = `select ${this.#schema}.add_samples_v1($1, $2, $3::text::json)`
    await this.#pool().run(sql => query(sql, call, [writer, number, JSON.stringify(samples)]))
  }

  async list({ after, limit }: SampleFilter): Promise<readonly Sample[]> {
    const text = `select hour::float8, subject, array_to_json(minutes) as minutes
      from ${this.#schema}.samples
      where (hour, subject) > ($1, $2)
      order by hour, subject limit $3`
    return this.#pool().run(sql => query<Sample>(sql, text, [after.hour, after.subject, limit]))
  }

  async forget(before: number): Promise<number> {
    const call = `select ${this.#schema}.forget_samples_v1($1) as many`
    const [row] = await this.#pool().run(sql => query<{ many: number }>(sql, call, [before]))
    return row!.many
  }
}
