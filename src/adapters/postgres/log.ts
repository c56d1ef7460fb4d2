// The log in one schema. The functions in migrations/postgres keep its promises; this file calls them.
import type { StoredFact } from '../../definitions/event/read.ts'
import { type Meter, unmetered } from '../../ports/metrics/meter.ts'
import { StoreError } from '../../ports/store/errors.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { instant } from '../../ports/store/instant.ts'
import { factsMaxOf, type LoadedStream, type LoadRequest } from '../../ports/store/load.ts'
import type { Log, ReadAllOptions, ReadOptions, StreamHead, StreamPlace, StreamsOptions } from '../../ports/store/log.ts'
import { categoryBounds } from '../../definitions/event/stream-name.ts'
import {
  type Conflict,
  isMet,
  isWrite,
  MISSED_BYTES_MAX,
  type Slice,
  type StoredKey,
  type Unit,
  type UnitOutcome,
} from '../../ports/store/unit.ts'
import { type AppendRow, appendValues, duplicateKeys, rowsJson, unitOutcomes, unitSlices } from './append.ts'
import { filterCondition, type PostgresEventRow, selectPage, storedEvents } from './events.ts'
import type { Pool } from './pool.ts'
import { query, type QueryValue, SqlValues } from './query.ts'
import { list, texts } from './text.ts'

export type PostgresLogOptions = {
  readonly schema: string
  /** The longest wait of an append for the log's lock, in ms. */
  readonly lockTimeoutMs: number
  /** Available once the store is open. */
  readonly pools: () => { readonly writer: Pool; readonly reader: Pool }
}

const MISSED_EVENTS_MAX = 1_000

export class PostgresLog implements Log {
  readonly #schema: string
  readonly #lockTimeoutMs: number
  readonly #pools: PostgresLogOptions['pools']
  #lockTime = unmetered.histogram('emaki.append.lock.time')

  constructor({ schema, lockTimeoutMs, pools }: PostgresLogOptions) {
    this.#schema = schema
    this.#lockTimeoutMs = lockTimeoutMs
    this.#pools = pools
  }

  measureWith(meter: Meter): void {
    this.#lockTime = meter.histogram('emaki.append.lock.time')
  }

  async append(units: readonly Unit[]): Promise<readonly UnitOutcome[]> {
    if (!units.length) return []
    return units.some(isWrite) ? this.#write(units) : this.#check(units)
  }

  async load(
    requests: readonly LoadRequest[],
    keys: readonly string[],
  ): Promise<{ streams: readonly LoadedStream[]; keys: readonly StoredKey[] }> {
    // Keys are loaded with the first stream. Without a stream, an empty name stands for one.
    const asked: readonly LoadRequest[] = requests.length ? requests : [{ stream: '', after: 0 }]
    const limit = factsMaxOf(asked.length)
    const rows = await this.#read<LoadedRow>(`select * from ${this.#schema}.load_v3($1, $2, $3, $4, $5, $6)`, [
      texts(asked.map(({ stream }) => stream)),
      list(asked.map(({ after }) => after)),
      list(asked.map(({ snapshot }) => snapshot ?? -1)),
      list(asked.map(({ meta = false }) => meta)),
      texts(keys),
      limit,
    ])
    return { streams: requests.map((request, i) => loadedStream(request, rows[i]!, limit)), keys: rows[0]?.keys_found ?? [] }
  }

  async read(stream: string, options: ReadOptions): Promise<readonly StoredEvent[]> {
    const { after, until = Number.MAX_SAFE_INTEGER, limit, types, backwards = false, sizeMax } = options
    const values = new SqlValues()
    const order = backwards ? 'version desc' : 'version'
    const window = `stream = ${values.add(stream)} and version > ${values.add(after)} and version <= ${values.add(until)}`
    const ofTypes = types ? `and type = any (${values.add(texts(types))}::text[])` : ''
    const rest = `from ${this.#schema}.events where ${window} ${ofTypes} order by ${order} limit ${values.add(limit)}`
    const text = selectPage(rest, order, sizeMax, values)
    return storedEvents(await this.#read<PostgresEventRow>(text, values.all))
  }

  async readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    const { after, limit, until = Number.MAX_SAFE_INTEGER, filter, sizeMax } = options
    const values = new SqlValues()
    const window = `position > ${values.add(after)} and position <= ${values.add(until)}`
    const wanted = filter ? `and ${filterCondition(filter, values)}` : ''
    const rest = `from ${this.#schema}.events where ${window} ${wanted} order by position limit ${values.add(limit)}`
    const text = selectPage(rest, 'position', sizeMax, values)
    // The best index for a filter depends on its share of the events, and so on the values.
    const rows = await this.#pools().reader.run(sql =>
      query<PostgresEventRow>(sql, text, values.all, { custom: filter !== undefined }),
    )
    return storedEvents(rows)
  }

  /**
   * Jumps from stream to stream on the index that makes their versions unique. Before PostgreSQL 18 no plan of a
   * `distinct` does so.
   */
  async streams({ after, limit, category }: StreamsOptions): Promise<readonly StreamHead[]> {
    const values = new SqlValues()
    const events = `${this.#schema}.events`
    const bounds = category === undefined ? null : categoryBounds(category)
    const [from, most] = [values.add(after), values.add(limit)]
    const within = bounds ? `and e.stream > ${values.add(bounds.above)} and e.stream < ${values.add(bounds.below)}` : ''
    const next = (behind: string) =>
      `select e.stream from ${events} e where e.stream > ${behind} ${within} order by e.stream limit 1`
    const rows = await this.#read<Omit<StreamHead, 'at'> & { readonly at: number }>(
      `with recursive s(stream, nth) as (
        select (${next(from)}), 1
        union all
        select (${next('s.stream')}), s.nth + 1 from s where s.stream is not null and s.nth < ${most}::integer
      )
      select s.stream, h.version, h.position, h.at
      from s
      cross join lateral (
        select e.version, e.position, round(date_part('epoch', e.at) * 1000) as at
        from ${events} e where e.stream = s.stream order by e.version desc limit 1
      ) h
      order by s.nth`,
      values.all,
    )
    return rows.map(row => ({ ...row, at: instant(row.at) }))
  }

  /** A subquery for each place: a join may read the whole table instead. */
  async typesAt(places: readonly StreamPlace[]): Promise<readonly (string | null)[]> {
    if (!places.length) return []
    const rows = await this.#read<{ readonly type: string | null }>(
      `select (select e.type from ${this.#schema}.events e where e.stream = p.stream and e.version = p.version) as type
      from unnest($1::text[], $2::bigint[]) with ordinality as p (stream, version, nth)
      order by p.nth`,
      [texts(places.map(({ stream }) => stream)), list(places.map(({ version }) => version))],
    )
    return rows.map(({ type }) => type)
  }

  async head(): Promise<number> {
    const rows = await this.#read<{ position: number }>(
      `select position from ${this.#schema}.events order by position desc limit 1`,
      [],
    )
    return rows[0]?.position ?? 0
  }

  /** Appends with one statement in autocommit: the client does nothing while it has the lock. */
  async #write(units: readonly Unit[]): Promise<readonly UnitOutcome[]> {
    const slices = unitSlices(units)
    const common = '$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::json, $12'
    const rows = rowsJson(units)
    const call =
      rows === null
        ? `select * from ${this.#schema}.append_v4(${common})`
        : `select * from ${this.#schema}.append_rows_v2(${common}, $13::text::json)`
    const values = [...appendValues(units, slices, this.#lockTimeoutMs), ...(rows === null ? [] : [rows])]
    const [row] = await this.#pools().writer.run(sql => query<AppendRow>(sql, call, values), { reasonIfLost: 'unknown' })
    this.#lockTime.record(row!.waited)
    return unitOutcomes(units, slices, row!, await this.#findKeys(duplicateKeys(units, row!)))
  }

  /**
   * Reads keys that were used before, once the lock is free, because there may be much data. If the read fails, the
   * outcome of the other units is unknown.
   */
  async #findKeys(keys: readonly string[]): Promise<readonly StoredKey[]> {
    if (!keys.length) return []
    try {
      return (await this.load([], keys)).keys
    } catch (error) {
      throw new StoreError('unknown', String(error), { cause: error })
    }
  }

  /** Checks units that write nothing: with a read, without lock and fsync. */
  async #check(units: readonly Unit[]): Promise<readonly UnitOutcome[]> {
    const slices = units.flatMap(({ slices }) => slices)
    const { streams } = await this.load(
      slices.map(({ stream }) => ({ stream, after: Number.MAX_SAFE_INTEGER })),
      [],
    )
    const found = new Map(slices.map(({ stream }, i) => [stream, streams[i]!.version]))
    return Promise.all(
      units.map(async ({ slices }): Promise<UnitOutcome> => {
        const failed = slices.filter(({ stream, expect }) => !isMet(expect, found.get(stream)!))
        if (failed.length)
          return {
            outcome: 'conflict',
            conflicts: await Promise.all(failed.map(slice => this.#missed(slice, found.get(slice.stream)!))),
          }
        return { outcome: 'appended', slices: slices.map(({ stream }) => ({ version: found.get(stream)!, position: 0 })), at: '' }
      }),
    )
  }

  async #missed({ stream, expect }: Slice, actual: number): Promise<Conflict> {
    const none = { stream, expected: expect, actual, missed: null }
    if (typeof expect !== 'number' || actual <= expect || actual - expect > MISSED_EVENTS_MAX) return none
    const missed = await this.read(stream, { after: expect, limit: actual - expect })
    return missed.reduce((sum, { data, meta }) => sum + data.length + meta.length, 0) > MISSED_BYTES_MAX
      ? none
      : { ...none, missed }
  }

  #read<R extends object>(text: string, parameters: readonly QueryValue[]): Promise<readonly R[]> {
    return this.#pools().reader.run(sql => query<R>(sql, text, parameters))
  }
}

type LoadedRow = {
  readonly version: number
  readonly position: number
  readonly snapshot_version: number | null
  readonly snapshot: string | null
  readonly facts: string | null
  readonly many: number
  readonly size: number | null
  readonly keys_found: readonly StoredKey[] | null
}

function loadedStream({ after }: LoadRequest, row: LoadedRow, limit: number): LoadedStream {
  const facts = row.facts === null ? [] : (JSON.parse(`[${row.facts}]`) as [string, string, unknown, StoredFact['meta']?][])
  const from = row.snapshot_version ?? after
  return {
    snapshot:
      row.snapshot_version === null ? null : { version: row.snapshot_version, state: JSON.parse(row.snapshot!) as unknown },
    facts: facts.map(([type, schema, data, meta]): StoredFact => ({ type, schema, data, ...(meta && { meta }) })),
    version: row.version,
    position: row.position,
    more: facts.length === limit && from + facts.length < row.version,
    size: row.size ?? 0,
  }
}
