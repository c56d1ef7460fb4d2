// A log in one PostgreSQL schema. What it promises is kept by the functions in migrations/postgres; this is how they are called.
import type { Fact } from '../event/read.ts'
import type { Agenda } from '../read-model/agenda.ts'
import type { ReadModel } from '../read-model/read-model.ts'
import { instant } from '../store/instant.ts'
import {
  categoryBounds,
  type Conflict,
  type Expectation,
  type Filter,
  holds,
  LOAD_FACTS_MAX,
  type Loaded,
  type LogIdentity,
  MISSED_BYTES_MAX,
  type NewKey,
  type NewSnapshot,
  type ReadAllOptions,
  type ReadOptions,
  type Restored,
  type Slice,
  type Store,
  type StoredEvent,
  StoreError,
  type StoredKey,
  type StreamHead,
  type StreamsOptions,
  type Unit,
  type UnitOutcome,
  type Wake,
  type Wanted,
} from '../store/store.ts'
import type { ImportOptions, ImportProgress, Records } from '../store/import.ts'
import { PostgresAgenda } from './agenda.ts'
import { imported } from './import.ts'
import { migrate, upToDate } from './migrate.ts'
import { Pool } from './pool.ts'
import { behindPooler, prove } from './prove.ts'
import { query, type QueryValue, Values } from './query.ts'
import { PostgresReadModel } from './read-model.ts'
import { restore } from './restore.ts'
import { list, texts } from './text.ts'
import { announcer, type Announcer } from './announcer.ts'
import { watch } from './watch.ts'
import { Transactions } from './transactions.ts'

export type PostgresOptions = {
  /** The schema that holds the log: one log a schema. Default: `emaki`. */
  readonly schema?: string
  /** Run migrations at `open`. Default: true; with false, a schema that lacks one is refused. */
  readonly migrate?: boolean
  /** Whether a pooler in transaction mode is in between. Default: found out at `open`. */
  readonly pooler?: boolean
  /** Where to LISTEN, which no pooler passes on. Default: where the log is; where nothing is heard there, the log is asked. */
  readonly directUrl?: string
  /** How long a statement may take before its connections are given up, in ms. Default: 4 000. */
  readonly deadlineMs?: number
  /** How long an append may wait for the log's lock, in ms; below the deadline. Default: 2 000. */
  readonly lockTimeoutMs?: number
  /** Connections that read, besides the one that appends. Default: 4. */
  readonly readers?: number
}

/** How long a page of a read model may take, which a rebuild writes many rows with. */
const PROJECTOR_DEADLINE_MS = 30_000
/** Connections that write read models. */
const PROJECTORS = 4
const CONNECT_TIMEOUT_MS = 3_000
const MIGRATE_DEADLINE_MS = 600_000
const FORGET_KEYS_MAX = 10_000
const MISSED_EVENTS_MAX = 1_000
const CATEGORY = `split_part(stream, '-', 1)`
// A time as a number costs half of what a Date does, from the server's text to ours.
const COLUMNS = `position, stream, version, id, type, schema, data, meta, round(date_part('epoch', at) * 1000) as at`
const NAMES = 'position, stream, version, id, type, schema, data, meta, at'

/**
 * A log in a PostgreSQL schema (15 or newer). At `open` it runs migrations, proves that the database's lock excludes and that its commits
 * are durable, and finds out whether a pooler is in between; it refuses what cannot keep the promises.
 */
export function postgres(url: string, options: PostgresOptions = {}): Store {
  return new PostgresStore(url, options)
}

type Opened = {
  readonly identity: LogIdentity
  readonly writer: Pool
  readonly reader: Pool
  readonly projector: Pool
  readonly announcer: Announcer
  readonly transactions: Transactions
}

class PostgresStore implements Store {
  readonly system = 'postgresql'
  readonly #url: string
  readonly #options: Required<Omit<PostgresOptions, 'pooler' | 'directUrl'>> & Pick<PostgresOptions, 'pooler' | 'directUrl'>
  readonly #watching = new Map<Wake, () => Promise<void>>()
  readonly readModel: ReadModel
  readonly agenda: Agenda
  #opened: Opened | null = null

  constructor(url: string, options: PostgresOptions) {
    this.#url = url
    this.#options = { schema: 'emaki', migrate: true, deadlineMs: 4_000, lockTimeoutMs: 2_000, readers: 4, ...options }
    if (!/^[a-z_][a-z0-9_]{0,47}$/.test(this.#options.schema))
      throw new TypeError(`the schema ${JSON.stringify(this.#options.schema)} is not letters, digits and _`)
    const { schema, deadlineMs } = this.#options
    this.readModel = new PostgresReadModel({ schema, deadlineMs, pools: () => this.#pools })
    this.agenda = new PostgresAgenda({ schema, pool: () => this.#pools.reader })
  }

  get identity(): LogIdentity {
    return this.#pools.identity
  }

  get #pools(): Opened {
    if (!this.#opened) throw new StoreError('unavailable', 'the store is not open')
    return this.#opened
  }

  async open(): Promise<void> {
    if (this.#opened) return
    const { schema, deadlineMs, readers } = this.#options
    const plain = { max: 1, prepare: false, statementTimeoutMs: 0, deadlineMs, connectTimeoutMs: CONNECT_TIMEOUT_MS }
    const first = new Pool(this.#url, plain)
    const second = new Pool(this.#url, plain)
    try {
      const pooler = this.#options.pooler ?? (await first.run(one => second.run(two => behindPooler(one, two))))
      if (this.#options.migrate) await first.run(sql => migrate(sql, schema), { deadlineMs: MIGRATE_DEADLINE_MS })
      else if (!(await first.run(sql => upToDate(sql, schema))))
        throw new StoreError('refused', `the schema ${schema} lacks migrations; run emaki migrate`)
      await first.run(one => second.run(two => prove(one, two)))
      const identity = await first.run(
        async sql => (await sql<LogIdentity[]>`select id::text, epoch from ${sql(`${schema}.log`)}`)[0]!,
      )
      const options = { ...plain, prepare: !pooler, statementTimeoutMs: pooler ? 0 : deadlineMs }
      const long = {
        ...options,
        max: PROJECTORS,
        deadlineMs: PROJECTOR_DEADLINE_MS,
        statementTimeoutMs: pooler ? 0 : PROJECTOR_DEADLINE_MS,
      }
      this.#opened = {
        identity,
        writer: new Pool(this.#url, options),
        reader: new Pool(this.#url, { ...options, max: readers }),
        projector: new Pool(this.#url, long),
        transactions: new Transactions(this.#url, long),
        announcer: announcer(new Pool(this.#url, options), channelOf(schema)),
      }
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  }

  async append(units: readonly Unit[]): Promise<readonly UnitOutcome[]> {
    if (!units.length) return []
    const slices = units.flatMap(({ slices }, unit) => slices.map(slice => ({ ...slice, unit })))
    const writes = units.some(({ slices, keys }) => keys.length > 0 || slices.some(({ events }) => events.length > 0))
    return writes ? this.#write(units, slices) : this.#look(units)
  }

  import(name: string, records: Records, options: ImportOptions): AsyncGenerator<ImportProgress> {
    const { schema, lockTimeoutMs } = this.#options
    return imported({ url: this.#url, schema, lockTimeoutMs, writer: this.#pools.writer }, name, records, options)
  }

  async load(
    wanted: readonly Wanted[],
    keys: readonly string[],
  ): Promise<{ streams: readonly Loaded[]; keys: readonly StoredKey[] }> {
    // Keys come with the first stream; without one, with that of nobody.
    const asked = wanted.length ? wanted : [{ stream: '', after: 0 } as Wanted]
    const rows = await this.#read<LoadedRow>(`select * from ${this.#options.schema}.load_v1($1, $2, $3, $4, $5)`, [
      texts(asked.map(({ stream }) => stream)),
      list(asked.map(({ after }) => after)),
      list(asked.map(({ snapshot }) => snapshot ?? -1)),
      texts(keys),
      LOAD_FACTS_MAX,
    ])
    return { streams: wanted.map((one, i) => loaded(one, rows[i]!)), keys: rows[0]?.keys_found ?? [] }
  }

  async read(stream: string, { after, limit, sizeMax }: ReadOptions): Promise<readonly StoredEvent[]> {
    const rest = `from ${this.#options.schema}.events where stream = $1 and version > $2 order by version limit $3`
    if (sizeMax === undefined) return recorded(await this.#read<Row>(`select ${COLUMNS} ${rest}`, [stream, after, limit]))
    return recorded(await this.#read<Row>(upTo('$4', rest, 'version'), [stream, after, limit, sizeMax]))
  }

  async readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    const { after, limit, until = Number.MAX_SAFE_INTEGER, filter, sizeMax } = options
    const values = new Values()
    const window = `position > ${values.add(after)} and position <= ${values.add(until)}`
    const wanted = filter ? `and ${filtered(filter, values)}` : ''
    const rest = `from ${this.#options.schema}.events where ${window} ${wanted} order by position limit ${values.add(limit)}`
    const text = sizeMax === undefined ? `select ${COLUMNS} ${rest}` : upTo(values.add(sizeMax), rest, 'position')
    // Which index is best for a filter depends on how much of the window it takes, and so on the values.
    const rows = await this.#pools.reader.run(sql => query<Row>(sql, text, values.all, { custom: filter !== undefined }))
    return recorded(rows)
  }

  /** Leaps from stream to stream over the index that makes their versions unique, as no plan of a `distinct` does before PostgreSQL 18. */
  async streams({ after, limit, category }: StreamsOptions): Promise<readonly StreamHead[]> {
    const values = new Values()
    const events = `${this.#options.schema}.events`
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

  async head(): Promise<number> {
    const rows = await this.#read<{ position: number }>(
      `select position from ${this.#options.schema}.events order by position desc limit 1`,
      [],
    )
    return rows[0]?.position ?? 0
  }

  async watch(wake: Wake): Promise<() => Promise<void>> {
    const { announcer } = this.#pools
    const entry: Wake = head => wake(head)
    const url = this.#options.directUrl ?? this.#url
    const end = watch({ url, channel: channelOf(this.#options.schema), head: () => this.head(), announcer, wake })
    this.#watching.set(entry, end)
    return () => {
      this.#watching.delete(entry)
      return end()
    }
  }

  announce(head: number): void {
    for (const wake of this.#watching.keys()) wake(head)
    this.#opened?.announcer.announce(head)
  }

  async restored(): Promise<Restored> {
    let found: Restored | null = null
    await this.#pools.transactions.run(async tx => {
      found = await restore(tx, this.#options.schema)
      return true
    })
    // Set where the transaction has committed.
    const restored = found! as Restored
    this.#opened = { ...this.#pools, identity: { ...this.identity, epoch: restored.epoch } }
    return restored
  }

  async saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void> {
    await this.#read(`select ${this.#options.schema}.save_snapshots_v1($1, $2, $3, $4)`, [
      texts(snapshots.map(({ stream }) => stream)),
      list(snapshots.map(({ schema }) => schema)),
      list(snapshots.map(({ version }) => version)),
      texts(snapshots.map(({ state }) => state)),
    ])
  }

  async forgetKeys(): Promise<number> {
    for (let forgotten = 0; ; ) {
      const rows = await this.#read<{ many: number }>(`select ${this.#options.schema}.forget_keys_v2($1) as many`, [
        FORGET_KEYS_MAX,
      ])
      forgotten += rows[0]!.many
      if (rows[0]!.many < FORGET_KEYS_MAX) return forgotten
    }
  }

  async ping(): Promise<void> {
    await this.#pools.writer.run(async sql => sql`select 1`)
  }

  async close(): Promise<void> {
    const opened = this.#opened
    const watching = [...this.#watching.values()]
    this.#watching.clear()
    await Promise.all(watching.map(end => end()))
    this.#opened = null
    await Promise.all([
      opened?.writer.close(),
      opened?.reader.close(),
      opened?.projector.close(),
      opened?.transactions.close(),
      opened?.announcer.close(),
    ])
  }

  #read<R extends object>(text: string, parameters: readonly QueryValue[]): Promise<readonly R[]> {
    return this.#pools.reader.run(sql => query<R>(sql, text, parameters))
  }

  /** One statement in autocommit: no client think-time under the lock. */
  async #write(units: readonly Unit[], slices: readonly UnitSlice[]): Promise<readonly UnitOutcome[]> {
    const events = slices.flatMap(({ events }) => events)
    const text = `select * from ${this.#options.schema}.append_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::json, $12)`
    const parameters = [
      texts(slices.map(({ stream }) => stream)),
      list(slices.map(({ expect }) => expectNumber(expect))),
      list(slices.map(({ unit }) => unit)),
      list(slices.flatMap(({ events }, i) => events.map(() => i + 1))),
      list(slices.flatMap(({ events }) => events.map((_, i) => i + 1))),
      events.map(({ id }) => id).join('\n'),
      events.map(({ type }) => type).join('\n'),
      events.map(({ schema }) => schema).join('\n'),
      events.map(({ data }) => data).join('\n'),
      events.map(({ meta }) => meta).join('\n'),
      keysOf(units),
      this.#options.lockTimeoutMs,
    ]
    const rows = await this.#pools.writer.run(sql => query<Appended>(sql, text, parameters), { reasonIfLost: 'unknown' })
    return outcomes(units, slices, rows[0]!, await this.#said(units, rows[0]!))
  }

  /** Keys that were used before, read once the lock is free, as there may be much to them. Where they cannot be, the rest is in doubt. */
  async #said(units: readonly Unit[], { failed }: Appended): Promise<readonly StoredKey[]> {
    const keys = (failed?.known ?? []).flatMap(unit => units[unit]!.keys.map(({ key }) => key))
    if (!keys.length) return []
    try {
      return (await this.load([], keys)).keys
    } catch (error) {
      throw new StoreError('unknown', String(error), { cause: error })
    }
  }

  /** What only asks takes no lock and no fsync: it reads. */
  async #look(units: readonly Unit[]): Promise<readonly UnitOutcome[]> {
    const slices = units.flatMap(({ slices }) => slices)
    const { streams } = await this.load(
      slices.map(({ stream }) => ({ stream, after: Number.MAX_SAFE_INTEGER })),
      [],
    )
    const found = new Map(slices.map(({ stream }, i) => [stream, streams[i]!.version]))
    return Promise.all(
      units.map(async ({ slices }): Promise<UnitOutcome> => {
        const failed = slices.filter(({ stream, expect }) => !holds(expect, found.get(stream)!))
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
}

/** One log a schema, and one channel a log. */
function channelOf(schema: string): string {
  return `emaki_${schema}`
}

type UnitSlice = Slice & { readonly unit: number }
type Row = Omit<StoredEvent, 'at'> & { readonly at: number }
type MissedRow = Omit<StoredEvent, 'at'> & { readonly at: string }
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
type Appended = {
  readonly first: number | null
  readonly stamp: Date
  readonly heads: string
  readonly failed: {
    readonly conflicts: readonly {
      readonly slice: number
      readonly actual: number
      readonly missed: readonly MissedRow[] | null
    }[]
    /** Units with a key that was used before. */
    readonly known: readonly number[] | null
  } | null
}

/** In place, as a copy of each row takes a fifth of what reading it does. */
function recorded(rows: readonly Row[]): readonly StoredEvent[] {
  for (const row of rows as readonly { at: string | number }[]) row.at = instant(row.at as number)
  return rows as readonly unknown[] as readonly StoredEvent[]
}

/**
 * A page up to the event with which its payloads come to a size. Their length in bytes is known without reading those that are stored
 * apart, so what is left out costs little, however large.
 */
function upTo(sizeMax: string, rest: string, by: 'position' | 'version'): string {
  const before = `coalesce(sum(octet_length(data)) over (order by ${by} rows between unbounded preceding and 1 preceding), 0)`
  return `select ${NAMES} from (select ${COLUMNS}, ${before} as before ${rest}) page where before < ${sizeMax} order by ${by}`
}

/** Names that two categories share are told apart; where all are named, the index on them is of use. */
function filtered(filter: Filter, values: Values): string {
  const whole = [...filter].flatMap(([category, types]) => (types === null ? [category] : []))
  const named = [...filter].flatMap(([category, types]) => (types ?? []).map(type => `${category}.${type}`))
  const types = [...new Set([...filter.values()].flatMap(types => types ?? []))]
  const some = `${CATEGORY} || '.' || type = any (${values.add(texts(named))}::text[])`
  if (!whole.length) return `type = any (${values.add(texts(types))}::text[]) and ${some}`
  return `(${CATEGORY} = any (${values.add(texts(whole))}::text[]) or ${some})`
}

function expectNumber(expect: Expectation): number {
  if (typeof expect === 'number') return expect
  return expect === 'any' ? -1 : -2
}

function loaded(wanted: Wanted, row: LoadedRow): Loaded {
  const facts = row.facts === null ? [] : (JSON.parse(`[${row.facts}]`) as [string, string, unknown][])
  const from = row.snapshot_version ?? wanted.after
  return {
    snapshot:
      row.snapshot_version === null ? null : { version: row.snapshot_version, state: JSON.parse(row.snapshot!) as unknown },
    facts: facts.map(([type, schema, data]): Fact => ({ type, schema, data })),
    version: row.version,
    position: row.position,
    more: from + facts.length < row.version,
    size: row.size ?? 0,
  }
}

/** Keys as JSON, each with the unit it names. */
function keysOf(units: readonly Unit[]): string | null {
  const found: object[] = []
  let before = 0
  units.forEach(({ slices, keys }, unit) => {
    for (const { keepMs, ...key } of keys) found.push({ ...key, unit, keep_ms: keepMs, last: lastOf(key, slices, before) })
    for (const { events } of slices) before += events.length
  })
  return found.length ? JSON.stringify(found) : null
}

/** The place of a key's last event among those of the append, from one; null where no slice says at which version its stream begins. */
function lastOf(
  { stream, version }: Pick<NewKey, 'stream' | 'version'>,
  slices: readonly Slice[],
  before: number,
): number | null {
  for (const slice of slices) {
    if (slice.stream === stream) return typeof slice.expect === 'number' ? before + version - slice.expect : null
    before += slice.events.length
  }
  return null
}

function outcomes(
  units: readonly Unit[],
  slices: readonly UnitSlice[],
  { first, stamp, heads, failed }: Appended,
  said: readonly StoredKey[],
): readonly UnitOutcome[] {
  const found = heads.slice(1, -1).split(',')
  const stored = new Map(said.map(key => [key.key, key]))
  const known = new Set(failed?.known)
  const conflicts = Map.groupBy(failed?.conflicts ?? [], ({ slice }) => slices[slice]!.unit)
  const at = stamp.toISOString()
  let slice = 0
  let position = (first ?? 1) - 1
  return units.map((unit, i): UnitOutcome => {
    const missed = conflicts.get(i)
    const failed = known.has(i) || missed !== undefined
    const landed = unit.slices.map(({ events }) => {
      if (!failed) position += events.length
      return { version: Number(found[slice++]) + events.length, position: events.length ? position : 0 }
    })
    if (known.has(i)) return { outcome: 'duplicate', keys: unit.keys.flatMap(({ key }) => stored.get(key) ?? []) }
    return missed
      ? { outcome: 'conflict', conflicts: missed.map(one => conflictOf(slices[one.slice]!, one)) }
      : { outcome: 'appended', slices: landed, at }
  })
}

function conflictOf(
  { stream, expect }: Slice,
  { actual, missed }: { readonly actual: number; readonly missed: readonly MissedRow[] | null },
): Conflict {
  return {
    stream,
    expected: expect,
    actual,
    missed: missed?.map(event => ({ ...event, at: new Date(event.at).toISOString() })) ?? null,
  }
}
