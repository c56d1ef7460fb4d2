// Read models in the schema of the log. A page is one statement: its guarded checkpoint decides whether it writes
// anything. A page that runs statements of its own is a transaction.
import type { Sql, TransactionSql } from 'postgres'
import { checkList, checkPageInTurns, checkSame, checkTable } from '../../ports/read-model/check.ts'
import type { RowFilter } from '../../ports/read-model/filter.ts'
import { conditions } from '../../ports/read-model/listing.ts'
import type { LeaseHolder, Lease, Suspect } from '../../ports/read-model/leases.ts'
import type { Again, Parked, ParkedCount } from '../../ports/read-model/parked.ts'
import type { NewPage, NewRow, Progress } from '../../ports/read-model/progress.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type {
  ReadResult,
  ListOptions,
  RowResult,
  SkipParked,
  StoredRow,
  Tally,
  TallyOptions,
} from '../../ports/read-model/rows.ts'
import { RunFailure } from '../../ports/read-model/page-refused.ts'
import { isStorable } from '../../ports/read-model/storable.ts'
import { readTally, type TallyRow, tallyText } from '../../ports/read-model/tally.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { agendaParts } from './agenda.ts'
import { storable, whereOf } from './conditions.ts'
import { pageError } from './errors.ts'
import { listText } from './list-text.ts'
import { chunksOf, guardPage, leasePart, type Part, parkParts, rowParts, runParts } from './page.ts'
import type { Pool } from './pool.ts'
import { isParked, lowestParked, parkedAt } from './parked.ts'
import { query, type QueryValue, SqlValues } from './query.ts'
import { writeRowsFirst } from './rows-first.ts'
import { texts } from './text.ts'
import type { Transactions } from './transactions.ts'

/**
 * Available once the store is open: a pool for short statements, one for pages, which may take as long as a rebuild's,
 * and transactions.
 */
export type ReadModelPools = { readonly reader: Pool; readonly projector: Pool; readonly transactions: Transactions }
export type ReadModelOptions = {
  readonly schema: string
  /**
   * The longest time of one statement in live operation, in ms. An owner that waits longer for a lost reply keeps its
   * lease and does nothing.
   */
  readonly deadlineMs: number
  readonly pools: () => ReadModelPools
}

export class PostgresReadModel implements ReadModel {
  readonly #schema: string
  readonly #deadlineMs: number
  readonly #pools: () => ReadModelPools
  readonly #prepared = new Map<string, Table>()

  constructor({ schema, deadlineMs, pools }: ReadModelOptions) {
    this.#schema = schema
    this.#deadlineMs = deadlineMs
    this.#pools = pools
  }

  async prepare(tables: readonly Table[]): Promise<void> {
    tables.forEach(checkTable)
    for (const table of tables) {
      const { name, indexes } = table
      if (!(await this.#table(name)))
        await this.#write(`select ${this.#schema}.prepare_v1($1, $2, $3)`, [
          name,
          texts(indexes.map(({ field }) => field)),
          texts(indexes.map(({ kind }) => kind)),
        ])
      checkSame((await this.#table(name)) ?? table, table)
      this.#prepared.set(name, table)
    }
  }

  async drop(name: string): Promise<void> {
    await this.#write(`select ${this.#schema}.drop_v1($1)`, [name])
    this.#prepared.delete(name)
  }

  async tables(): Promise<readonly string[]> {
    const rows = await this.#read<{ name: string }>(`select name from ${this.#schema}.row_tables order by name`, [])
    return rows.map(({ name }) => name)
  }

  async acquire(
    name: string,
    { owner, ttlMs, start }: { readonly owner: string; readonly ttlMs: number; readonly start: number },
  ): Promise<Lease | null> {
    const call = `select * from ${this.#schema}.acquire_v3($1, $2, $3, $4)`
    const [found] = await this.#write<PostgresLeaseRow>(call, [name, owner, ttlMs, start], this.#deadlineMs)
    if (!found) return null
    const { epoch, position, is_takeover, takeovers, suspect_position, suspect_key } = found
    const suspect =
      suspect_position === null ? null : { position: suspect_position, key: suspect_key, times: await this.#suspectTimes(name) }
    return { name, epoch, position, isTakeover: is_takeover, takeovers, suspect }
  }

  renew(name: string, epoch: number, ttlMs: number): Promise<boolean> {
    return this.#changeLease(`until = clock_timestamp() + $3 * interval '1 millisecond'`, [name, epoch, ttlMs])
  }

  async release(name: string, epoch: number): Promise<void> {
    await this.#changeLease('owner = null, suspect_position = null, suspect_key = null', [name, epoch])
  }

  leases(): Promise<readonly LeaseHolder[]> {
    return this.#read<LeaseHolder>(
      `select name, owner, epoch, round(date_part('epoch', until - clock_timestamp()) * 1000) as "leftMs"
       from ${this.#schema}.leases where owner is not null order by name`,
      [],
    )
  }

  /**
   * Does not wait for the disk: the note is for the owner after a process that ended, and not for one after a database
   * that ended.
   */
  suspect(name: string, epoch: number, suspect: Suspect | null): Promise<boolean> {
    const atOnce = `(select set_config('synchronous_commit', 'off', true)) is not null`
    return this.#changeLease(`suspect_position = case when ${atOnce} then $3::bigint end, suspect_key = $4, suspect_times = $5`, [
      name,
      epoch,
      suspect?.position ?? null,
      suspect?.key ?? null,
      suspect?.times ?? 1,
    ])
  }

  async commit(page: NewPage): Promise<boolean> {
    try {
      return await this.#commit(page)
    } catch (error) {
      throw pageError(error)
    }
  }

  async #commit(page: NewPage): Promise<boolean> {
    const table = this.#prepared.get(page.table ?? page.name) ?? null
    await checkPageInTurns(page, table)
    const chunks = chunksOf(page.rows)
    const parts = [...parkParts(this.#schema, page), ...(page.agenda ? agendaParts(this.#schema, page.agenda) : [])]
    if (chunks.length > 1 && page.keepsNewer && !page.isTrial) {
      await writeRowsFirst(this.#pools().projector, this.#schema, page, table!, chunks)
      return this.#commit({ ...page, rows: [] })
    }
    if (chunks.length > 1) return this.#inTransaction(page, parts, await this.#chunkWriters(table!, chunks))
    if (table) parts.push(...rowParts(this.#schema, table, page.rows, page))
    if (page.run || page.isTrial) return this.#inTransaction(page, parts)
    const values = new SqlValues()
    const text = guardPage(values, this.#schema, page, [leasePart(this.#schema, page), ...parts])
    const { projector } = this.#pools()
    const ask = (sql: Sql) => query(sql, text, values.all)
    return (await projector.run(ask, { reasonIfLost: 'unknown', deadlineMs: this.#deadlineMs })).length > 0
  }

  /** Functions that write the rows of a long page, each with a statement or two, so that none holds the event loop. */
  async #chunkWriters(table: Table, chunks: readonly (readonly NewRow[])[]): Promise<readonly RunInPage[]> {
    // Nobody writes before the guard of this page is checked. So a table that is empty now is still empty then.
    const empty = !(await this.#read(`select true as some from ${this.#rows(table)} limit 1`, [])).length
    return chunks.map(rows => tx => runParts(tx, rowParts(this.#schema, table, rows, { empty })))
  }

  /**
   * Runs a page as a transaction: first its guard with some parts, then its chunks of rows, then its own statements.
   * The server ends the session if the owner stops within its transaction, so that the next owner waits no longer than
   * a quarter of the lease. For the server, a session with a half-sent statement is not idle. So the whole transaction
   * may take twice the lease, here and (from PostgreSQL 17 on) on the server. The lease comes last, because it could
   * not be prolonged while it is locked.
   */
  #inTransaction(page: NewPage, parts: readonly Part[], writers: readonly RunInPage[] = []): Promise<boolean> {
    const wholeMs = Math.max(2 * page.ttlMs, writers.length * CHUNK_MS)
    const deadlineMs = Math.max(wholeMs, this.#deadlineMs)
    const whole = async (tx: TransactionSql) => {
      const values = new SqlValues()
      const text = guardPage(values, this.#schema, page, parts)
      const [, found] = await Promise.all([
        query(tx, SETTINGS, [String(Math.ceil(page.ttlMs / 4)), String(Math.ceil(wholeMs)), `${this.#schema}, public`]),
        query(tx, text, values.all),
      ])
      if (!found.length) return false
      for (const write of writers) await write(tx)
      try {
        await page.run?.(tx)
      } catch (error) {
        throw new RunFailure(error)
      }
      await runParts(tx, [leasePart(this.#schema, page)])
      return !page.isTrial
    }
    return this.#pools().transactions.run(whole, deadlineMs)
  }

  async progress(names?: readonly string[]): Promise<readonly Progress[]> {
    const rows = await this.#read<Omit<Progress, 'savedAt'> & { readonly saved_at: Date }>(
      `select name, position, start, epoch, saved_at from ${this.#schema}.checkpoints where $1::text[] is null or name = any ($1) order by name`,
      [names ? texts(names) : null],
    )
    return rows.map(({ saved_at, ...progress }) => ({ ...progress, savedAt: saved_at.toISOString() }))
  }

  async reset(name: string, position: number): Promise<void> {
    await this.#write(`select ${this.#schema}.reset_v2($1, $2)`, [name, position])
  }

  async rows(table: Table, keys: readonly string[]): Promise<readonly StoredRow[]> {
    const parked = parkedAt(this.#schema, '$1')
    return this.#read<StoredRow>(
      `select r.key, r.position, r.data, ${parked} as parked from ${this.#rows(table)} r where r.key = any ($2::text[])`,
      [table.name, texts(keys.filter(isStorable))],
    )
  }

  async get(table: Table, key: string, streams: readonly string[] = []): Promise<RowResult> {
    const values = new SqlValues()
    const [name, wanted] = [values.add(table.name), values.add(storable(key))]
    const isOwnStream = `(p.kind = 'stream' and p.key = any (${values.add(texts(streams.filter(isStorable)))}::text[]))`
    const { found, ...rest } = await this.#found(
      name,
      `select r.key, r.position, r.data from ${this.#rows(table)} r where r.key = ${wanted}`,
      values,
      { own: `((p.kind = 'key' and p.key = ${wanted}) or ${isOwnStream})`, streams: `p.kind = 'stream' and not ${isOwnStream}` },
    )
    return { found: found[0] ?? null, ...rest }
  }

  async list(table: Table, options: ListOptions): Promise<ReadResult<readonly StoredRow[]>> {
    checkList(table, options)
    const values = new SqlValues()
    const name = values.add(table.name)
    const text = listText({ schema: this.#schema, from: this.#rows(table), name }, values, options)
    const { parkedStream: _, ...result } = await this.#found(name, text, values)
    return result
  }

  async count(table: Table, where: RowFilter, { skipsParked = false }: SkipParked = {}): Promise<ReadResult<number>> {
    checkList(table, { where, sort: [], after: null })
    const values = new SqlValues()
    const name = values.add(table.name)
    const countRows = (more: readonly string[] = []) =>
      `(select count(*) from ${this.#rows(table)} r ${whereOf(conditions(where), values, more)})`
    // Few rows are parked, so it costs less to count them than to look for each row whether it is.
    const found = skipsParked ? `${countRows()} - ${countRows([isParked(this.#schema, name)])}` : countRows()
    const [row] = await this.#read<ReadResult<number>>(
      `select ${found} as found, ${this.#position(name)} as position, ${lowestParked(this.#schema, name)} as parked`,
      values.all,
    )
    return { ...row! }
  }

  async tally(table: Table, options: TallyOptions): Promise<Tally> {
    const text = tallyText(table, options, this.#rows(table))
    return readTally(await this.#read<TallyRow>(text, [options.after ?? '', options.limit]), options)
  }

  async parked(name?: string): Promise<readonly Parked[]> {
    const rows = await this.#read<Omit<Parked, 'at'> & { readonly at: Date }>(
      `select name, kind, key, position, cause, at, again, reader from ${this.#schema}.parked where $1::text is null or name = $1 order by name, position, key`,
      [name ?? null],
    )
    return rows.map(row => ({ ...row, at: row.at.toISOString() }))
  }

  parkedCounts(): Promise<readonly ParkedCount[]> {
    return this.#read<ParkedCount>(
      `select name, count(*) filter (where kind = 'key' and again is null) as keys,
         count(*) filter (where kind = 'stream' and again is null) as streams, count(again) as retrying
       from ${this.#schema}.parked group by name order by name`,
      [],
    )
  }

  async unpark(name: string, key?: string, again: Again = 'whole'): Promise<number> {
    const [row] = await this.#read<{ many: number }>(
      `with asked as (update ${this.#schema}.parked set again = $3, at = clock_timestamp() where name = $1 and ($2::text is null or key = $2) returning true)
       select count(*) as many from asked`,
      [name, key ?? null, again],
    )
    return row!.many
  }

  async serving(projection: string): Promise<string | null> {
    const [row] = await this.#read<{ name: string }>(`select name from ${this.#schema}.serving where projection = $1`, [
      projection,
    ])
    return row?.name ?? null
  }

  async serve(projection: string, name: string): Promise<boolean> {
    const [row] = await this.#write<{ served: boolean }>(`select ${this.#schema}.serve_v1($1, $2) as served`, [projection, name])
    return row!.served
  }

  async fingerprints(name: string): Promise<readonly string[]> {
    const [row] = await this.#read<{ found: string }>(`select found from ${this.#schema}.fingerprints where name = $1`, [name])
    return row ? (JSON.parse(row.found) as readonly string[]) : []
  }

  async setFingerprints(name: string, found: readonly string[]): Promise<void> {
    await this.#write(`select ${this.#schema}.set_fingerprints_v1($1, $2)`, [name, JSON.stringify(found)])
  }

  /**
   * Reads rows in the order of their text, the checkpoint and the parked keys, in one statement, which is one snapshot.
   */
  async #found(
    name: string,
    text: string,
    values: SqlValues,
    { own, streams }: { readonly own: string; readonly streams: string } = { own: 'true', streams: 'false' },
  ): Promise<Omit<RowResult, 'found'> & { readonly found: readonly StoredRow[] }> {
    const rows = await this.#read<
      StoredRow & { readonly at: number; readonly lowest: number | null; readonly stream: number | null }
    >(
      `select c.at, c.lowest, c.stream, r.key, r.position, r.data, ${parkedAt(this.#schema, name)} as parked
       from (select ${this.#position(name)} as at, ${lowestParked(this.#schema, name, own)} as lowest, ${lowestParked(this.#schema, name, streams)} as stream) c
       left join (${text}) r on true`,
      values.all,
    )
    const { at, lowest, stream, key } = rows[0]!
    const found = key === null ? [] : rows.map(({ key, position, data, parked }) => ({ key, position, data, parked }))
    return { found, position: at, parked: lowest, parkedStream: stream }
  }

  #position(name: string): string {
    return `coalesce((select c.position from ${this.#schema}.checkpoints c where c.name = ${name}), 0)`
  }

  #rows({ name }: { readonly name: string }): string {
    return `${this.#schema}."rows_${name}"`
  }

  async #table(name: string): Promise<Table | null> {
    const [row] = await this.#read<{ fields: string[]; kinds: Table['indexes'][number]['kind'][] }>(
      `select to_json(fields) as fields, to_json(kinds) as kinds from ${this.#schema}.row_tables where name = $1`,
      [name],
    )
    return row ? { name, indexes: row.fields.map((field, i) => ({ field, kind: row.kinds[i]! })) } : null
  }

  async #suspectTimes(name: string): Promise<number> {
    const [row] = await this.#read<{ times: number }>(
      `select suspect_times as times from ${this.#schema}.leases where name = $1`,
      [name],
    )
    return row?.times ?? 1
  }

  async #changeLease(set: string, values: readonly QueryValue[]): Promise<boolean> {
    const rows = await this.#read(
      `update ${this.#schema}.leases set ${set} where name = $1 and epoch = $2 and owner is not null returning true`,
      values,
    )
    return rows.length > 0
  }

  /** Runs a short statement, which may be repeated. */
  #read<R extends object>(text: string, values: readonly QueryValue[]): Promise<readonly R[]> {
    return this.#pools().reader.run(sql => query<R>(sql, text, values))
  }

  /** Runs a statement that may have to wait for a page, and may be repeated. */
  #write<R extends object>(text: string, values: readonly QueryValue[], deadlineMs?: number): Promise<readonly R[]> {
    return this.#pools().projector.run(sql => query<R>(sql, text, values), { deadlineMs })
  }
}

type RunInPage = (tx: TransactionSql) => Promise<void>

/** The time that a chunk of rows may take, in ms. */
const CHUNK_MS = 4_000

type PostgresLeaseRow = Omit<Lease, 'name' | 'suspect' | 'isTakeover'> & {
  readonly is_takeover: boolean
  readonly suspect_position: number | null
  readonly suspect_key: string | null
}

/** Statements of a page name their tables without a schema: they are the log's own tables. */
const SETTINGS = `select set_config('idle_in_transaction_session_timeout', $1, true), set_config('search_path', $3, true),
  case when current_setting('transaction_timeout', true) is not null then set_config('transaction_timeout', $2, true) end`
