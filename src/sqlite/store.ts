// One file, one writing connection, nothing awaited between BEGIN IMMEDIATE and COMMIT.
import { Database, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
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
  type NewSnapshot,
  type ReadAllOptions,
  type ReadOptions,
  type Restored,
  type Store,
  type StoredEvent,
  StoreError,
  type StoredKey,
  type StreamHead,
  type StreamsOptions,
  type Unit,
  type UnitOutcome,
  upToSize,
  type Wake,
  type Wanted,
} from '../store/store.ts'
import { type ImportOptions, type ImportProgress, imported, type Records } from '../store/import.ts'
import { poll } from '../store/poll.ts'
import { sqliteAgenda, syncAgenda } from './agenda.ts'
import { isBusy, storeError } from './errors.ts'
import { importing } from './import.ts'
import { migrate, upToDate } from './migrate.ts'
import { sqliteReadModel, syncReadModel } from './read-model.ts'
import { Statements } from './statements.ts'

export type SqliteOptions = {
  /** Run migrations at `open`. Default: true; with false, a file that lacks one is refused. */
  readonly migrate?: boolean
  /** Refuse a second serving process on the file. Default: true; the command line opens beside a server with false. */
  readonly exclusive?: boolean
  /** How long a file that another process is writing is asked again, in ms. Default: 5 000. */
  readonly busyMs?: number
  /** The clock, in ms since 1970. Default: the machine's. */
  readonly now?: () => number
}

const BUSY_RETRY_MS = 2

/**
 * A log in one SQLite file: WAL, synchronous=FULL, both read back at start. An answered append survives `kill -9` and power loss.
 * The folder is made where it is missing. `:memory:` is refused: use `memory()`.
 */
export function sqlite(file: string, options: SqliteOptions = {}): Store {
  return new SqliteStore(file, options)
}

type Row = Omit<StoredEvent, 'at'> & { readonly at: number }
const COLUMNS = 'position, stream, version, id, type, schema, data, meta, at'
// Streams of a category lie between it with `-` and with the character behind that, which is found without cutting each name apart. The +
// keeps the index on streams out of it.
const OF_CATEGORY = '(+stream >= ? and +stream < ? or +stream = ?)'

/** In place, as a copy of each row takes a fifth of what reading it does. */
function recorded(rows: readonly Row[]): readonly StoredEvent[] {
  for (const row of rows as readonly { at: string | number }[]) row.at = instant(row.at as number)
  return rows as readonly unknown[] as readonly StoredEvent[]
}

class SqliteStore implements Store {
  readonly system = 'sqlite'
  readonly #file: string
  readonly #options: Required<SqliteOptions>
  readonly readModel: ReadModel = sqliteReadModel(run => this.#whenFree(() => run(this.#db.readModel)))
  readonly agenda: Agenda = sqliteAgenda(run => this.#whenFree(() => run(this.#db.agenda)))
  #opened: Opened | null = null
  readonly #watching = new Map<Wake, () => Promise<void>>()

  constructor(file: string, options: SqliteOptions) {
    if (file === ':memory:' || file === '') throw new TypeError('sqlite() wants a file; a log that forgets is memory()')
    this.#file = file
    this.#options = { migrate: true, exclusive: true, busyMs: 5_000, now: Date.now, ...options }
  }

  get identity(): LogIdentity {
    return this.#db.identity
  }

  get #db(): Opened {
    if (!this.#opened) throw new StoreError('unavailable', `${this.#file} is not open`)
    return this.#opened
  }

  async open(): Promise<void> {
    this.#opened ??= await this.#whenFree(() => opened(this.#file, this.#options))
  }

  async append(units: readonly Unit[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly UnitOutcome[]> {
    return this.#whenFree(() => this.#db.append(units), signal)
  }

  import(name: string, records: Records, options: ImportOptions): AsyncGenerator<ImportProgress> {
    return imported(
      {
        begin: (...what) => this.#whenFree(() => this.#db.imports.begin(...what)),
        old: (...records) => this.#whenFree(() => this.#db.imports.old(...records)),
        move: (...chunk) => this.#whenFree(() => this.#db.imports.move(...chunk)),
      },
      name,
      records,
      options,
    )
  }

  async load(
    wanted: readonly Wanted[],
    keys: readonly string[],
  ): Promise<{ streams: readonly Loaded[]; keys: readonly StoredKey[] }> {
    return this.#whenFree(() => this.#db.load(wanted, keys))
  }

  async read(stream: string, options: ReadOptions): Promise<readonly StoredEvent[]> {
    return this.#whenFree(() => recorded(this.#db.read(stream, options)))
  }

  async readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    return this.#whenFree(() => recorded(this.#db.readAll(options)))
  }

  async streams(options: StreamsOptions): Promise<readonly StreamHead[]> {
    return this.#whenFree(() => this.#db.streams(options))
  }

  async head(): Promise<number> {
    return this.#whenFree(() => this.#db.head())
  }

  /** What another process writes, such as the command line, changes the file's `data_version`; what this one does, does not. */
  async watch(wake: Wake): Promise<() => Promise<void>> {
    let seen = this.#db.dataVersion()
    const entry: Wake = head => wake(head)
    const end = poll(() => {
      const now = this.#opened?.dataVersion() ?? seen
      if (now === seen) return false
      seen = now
      wake(null)
      return true
    })
    this.#watching.set(entry, end)
    return () => {
      this.#watching.delete(entry)
      return end()
    }
  }

  announce(head: number): void {
    for (const wake of this.#watching.keys()) wake(head)
  }

  async restored(): Promise<Restored> {
    return this.#whenFree(() => this.#db.restored())
  }

  async saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void> {
    await this.#whenFree(() => this.#db.saveSnapshots(snapshots))
  }

  async forgetKeys(): Promise<number> {
    return this.#whenFree(() => this.#db.forgetKeys())
  }

  async ping(): Promise<void> {
    await this.#whenFree(() => this.#db.head())
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watching.values()].map(end => end()))
    this.#watching.clear()
    this.#opened?.close()
    this.#opened = null
  }

  /** Runs now; where another process is writing, asks again without stopping the event loop, until the deadline. */
  async #whenFree<T>(run: () => T, signal?: AbortSignal): Promise<T> {
    const until = performance.now() + this.#options.busyMs
    for (;;) {
      try {
        return run()
      } catch (error) {
        if (!isBusy(error)) throw storeError(this.#file, error)
        if (performance.now() >= until || signal?.aborted)
          throw new StoreError('unavailable', `${this.#file} is being written by another process`, { cause: error })
      }
      await Bun.sleep(BUSY_RETRY_MS)
    }
  }
}

type Opened = ReturnType<typeof opened>

function opened(file: string, options: Required<SqliteOptions>) {
  mkdirSync(dirname(file), { recursive: true })
  using opening = new DisposableStack()
  if (options.exclusive) opening.use(claim(existsSync(file) ? realpathSync(file) : file))
  const db = opening.use(new Database(file, { create: true, strict: true }))
  durable(db)
  if (options.migrate) migrate(db)
  else upToDate(db, file)
  // Whoever served this file has ended, or it would not be ours alone: what they had the lease of need not wait for its time to be over.
  if (options.exclusive) db.run('update leases set until = 0')
  let identity = identify(db)
  const statements = prepare(db)
  for (const statement of Object.values(statements)) opening.use(statement)
  const imports = opening.use(importing(db, options.now))
  const texts = opening.use(new Statements(db))
  const { append, load } = paths(db, statements, options.now)
  const agenda = syncAgenda(db, texts, options.now)
  const restore = restoring(db, texts)
  const held = opening.move()
  return {
    get identity() {
      return identity
    },
    append,
    load,
    imports,
    ...statements,
    read: (stream: string, { after, limit, sizeMax }: ReadOptions): readonly Row[] =>
      page(statements.readStream, [stream, after, limit], sizeMax),
    readAll: ({ after, limit, until = Number.MAX_SAFE_INTEGER, filter, sizeMax }: ReadAllOptions): readonly Row[] => {
      const { sql, values } = filter ? filtered(filter) : { sql: null, values: [] }
      const statement = sql === null ? statements.readLog : texts.get<Row>(sql)
      return page(statement, [after, until, ...values, limit], sizeMax)
    },
    streams: listing(texts),
    readModel: syncReadModel(db, texts, options.now, agenda),
    agenda,
    head: () => statements.top.get()?.position ?? 0,
    dataVersion: () => statements.dataVersion.get()!.data_version,
    restored: () => {
      const found = restore()
      identity = { ...identity, epoch: found.epoch }
      return found
    },
    forgetKeys: () => statements.deleteKeys.run(options.now()).changes,
    saveSnapshots: db.transaction((snapshots: readonly NewSnapshot[]) => {
      for (const { stream, schema, version, state } of snapshots) statements.saveSnapshot.run(stream, schema, version, state)
    }).immediate,
    close: () => held.dispose(),
  }
}

/** Holds a lock beside the file for as long as this process serves it; the system lets go of it when the process dies. */
function claim(file: string): Database {
  const lock = new Database(`${file}-serving`, { create: true })
  try {
    lock.run('pragma busy_timeout = 0')
    lock.run('pragma locking_mode = exclusive')
    lock.run('begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new StoreError('refused', `${file} is already served by another process; stop it first, or use PostgreSQL for several`)
  }
}

function durable(db: Database): void {
  db.run('pragma busy_timeout = 0')
  db.run('pragma journal_mode = wal')
  db.run('pragma synchronous = full')
  const mode = db.query<{ journal_mode: string }, []>('pragma journal_mode').get()?.journal_mode
  const synchronous = db.query<{ synchronous: number }, []>('pragma synchronous').get()?.synchronous
  if (mode !== 'wal' || synchronous !== 2)
    throw new StoreError(
      'refused',
      `the file cannot be made durable: journal_mode ${mode}, synchronous ${synchronous}; WAL needs a local file system`,
    )
}

function identify(db: Database): LogIdentity {
  db.query('insert or ignore into log (one, id, epoch) values (1, ?, 1)').run(Bun.randomUUIDv7())
  return db.query<LogIdentity, []>('select id, epoch from log').get()!
}

function prepare(db: Database) {
  const events = `select ${COLUMNS} from events`
  return {
    last: db.prepare<{ version: number; position: number }, [string]>(
      'select version, position from events where stream = ? order by version desc limit 1',
    ),
    insert: db.prepare<unknown, SQLQueryBindings[]>(
      'insert into events (position, stream, version, id, type, schema, data, meta, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    dataVersion: db.prepare<{ data_version: number }, []>('pragma data_version'),
    top: db.prepare<{ position: number; at: number }, []>('select position, at from events order by position desc limit 1'),
    facts: db.prepare<{ type: string; schema: string; data: string }, [string, number, number]>(
      'select type, schema, data from events where stream = ? and version > ? order by version limit ?',
    ),
    readStream: db.prepare<Row, [string, number, number]>(`${events} where stream = ? and version > ? order by version limit ?`),
    readLog: db.prepare<Row, SQLQueryBindings[]>(`${events} where position > ? and position <= ? order by position limit ?`),
    key: db.prepare<StoredKey, [string, number]>(
      'select key, fingerprint, stream, version, count, position, rejection from keys where key = ? and (until is null or until > ?)',
    ),
    saveKey: db.prepare<unknown, SQLQueryBindings[]>(
      'insert or replace into keys (key, fingerprint, stream, version, count, position, rejection, until) values (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    deleteKeys: db.prepare<unknown, [number]>(
      "delete from keys where until <= ? and substr(key, instr(key, ':') + 1) not in (select id from agenda)",
    ),
    snapshot: db.prepare<{ version: number; state: string }, [string, number, number]>(
      'select version, state from snapshots where stream = ? and schema = ? and version > ?',
    ),
    saveSnapshot: db.prepare<unknown, SQLQueryBindings[]>(
      'insert into snapshots values (?, ?, ?, ?) on conflict (stream, schema) do update set version = excluded.version, state = excluded.state where excluded.version > snapshots.version',
    ),
  }
}

/** What is beyond the size is not read; where there is none, all at once is faster. */
function page<V extends SQLQueryBindings[]>(
  statement: Statement<Row, V>,
  values: V,
  sizeMax: number | undefined,
): readonly Row[] {
  return sizeMax === undefined ? statement.all(...values) : upToSize(statement.iterate(...values), sizeMax)
}

/** A page of certain types, found by their positions: an index on types costs appends more than it saves readers. */
function filtered(filter: Filter): { readonly sql: string; readonly values: readonly string[] } {
  const wanted = [...filter].filter(([, types]) => types === null || types.length > 0)
  const conditions = wanted.map(([, types]) =>
    types === null ? OF_CATEGORY : `type in (${types.map(() => '?').join(', ')}) and ${OF_CATEGORY}`,
  )
  return {
    sql: `select ${COLUMNS} from events where position > ? and position <= ? and (${conditions.join(' or ') || 'false'}) order by position limit ?`,
    values: wanted.flatMap(([category, types]) => [...(types ?? []), `${category}-`, `${category}.`, category]),
  }
}

function restoring(db: Database, texts: Statements): () => Restored {
  const change = (sql: string) => texts.get(sql).run().changes
  const behind = '> (select coalesce(max(position), 0) from events)'
  return db.transaction(() => ({
    keys: change(`delete from keys where position ${behind}`),
    snapshots: change(
      'delete from snapshots where version > (select coalesce(max(e.version), 0) from events e where e.stream = snapshots.stream)',
    ),
    entries: change(`delete from agenda where ended_at is null and at_position ${behind}`),
    epoch: texts.get<LogIdentity>('update log set epoch = epoch + 1 returning id, epoch').get()!.epoch,
  })).immediate
}

/** Leaps from stream to stream over the index that makes their versions unique. */
function listing(texts: Statements): (options: StreamsOptions) => readonly StreamHead[] {
  return ({ after, limit, category }) => {
    const bounds = category === undefined ? null : categoryBounds(category)
    const next = texts.get<{ stream: string }>(
      `select stream from events where stream > max(?, ?) ${bounds ? 'and stream < ?' : ''} order by stream limit 1`,
    )
    const last = texts.get<Omit<StreamHead, 'at'> & { at: number }>(
      'select stream, version, position, at from events where stream = ? order by version desc limit 1',
    )
    const found: StreamHead[] = []
    for (let stream = after; found.length < limit; ) {
      const one = next.get(stream, bounds?.above ?? '', ...(bounds ? [bounds.below] : []))
      if (!one) break
      stream = one.stream
      const row = last.get(stream)!
      found.push({ ...row, at: instant(row.at) })
    }
    return found
  }
}

function paths(db: Database, at: ReturnType<typeof prepare>, now: () => number) {
  const version = (stream: string) => at.last.get(stream)?.version ?? 0
  const known = (key: string) => at.key.get(key, now()) ?? []
  const writes = (unit: Unit) => unit.keys.length > 0 || unit.slices.some(({ events }) => events.length > 0)

  function unit(unit: Unit, clock: { at: number; position: number }): UnitOutcome {
    const said = unit.keys.flatMap(({ key }) => known(key))
    if (said.length) return { outcome: 'duplicate', keys: said }
    const versions = unit.slices.map(({ stream }) => version(stream))
    const conflicts = unit.slices.flatMap(({ stream, expect }, i) =>
      holds(expect, versions[i]!) ? [] : [conflict(stream, expect, versions[i]!)],
    )
    if (conflicts.length) return { outcome: 'conflict', conflicts }
    const slices = unit.slices.map(({ stream, events }, i) => {
      let next = versions[i]!
      for (const { id, type, schema, data, meta } of events)
        at.insert.run(++clock.position, stream, ++next, id, type, schema, data, meta, clock.at)
      return { version: next, position: events.length ? clock.position : 0 }
    })
    for (const { key, fingerprint, stream, version, count, rejection, keepMs } of unit.keys) {
      const position = count ? slices[unit.slices.findIndex(slice => slice.stream === stream)]! : null
      at.saveKey.run(
        key,
        fingerprint,
        stream,
        version,
        count,
        position ? position.position - (position.version - version) : 0,
        rejection,
        keepMs === null ? null : now() + keepMs,
      )
    }
    return { outcome: 'appended', slices, at: instant(clock.at) }
  }

  function conflict(stream: string, expected: Expectation, actual: number): Conflict {
    if (typeof expected !== 'number' || expected > actual) return { stream, expected, actual, missed: null }
    const missed: StoredEvent[] = []
    let bytes = 0
    for (const row of at.readStream.iterate(stream, expected, -1)) {
      bytes += row.data.length + row.meta.length
      if (bytes > MISSED_BYTES_MAX) return { stream, expected, actual, missed: null }
      missed.push({ ...row, at: instant(row.at) })
    }
    return { stream, expected, actual, missed }
  }

  const write = db.transaction((units: readonly Unit[]) => {
    const top = at.top.get()
    const clock = { at: Math.max(now(), top?.at ?? 0), position: top?.position ?? 0 }
    return units.map(one => unit(one, clock))
  })
  const look = db.transaction((units: readonly Unit[]) => units.map(one => unit(one, { at: now(), position: 0 })))

  function loadOne({ stream, after, snapshot }: Wanted): Loaded {
    const saved = snapshot === undefined ? null : at.snapshot.get(stream, snapshot, after)
    const from = saved?.version ?? after
    const page = at.facts.all(stream, from, LOAD_FACTS_MAX)
    const last = at.last.get(stream) ?? { version: 0, position: 0 }
    return {
      snapshot: saved && { version: saved.version, state: JSON.parse(saved.state) as unknown },
      facts: page.map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown })),
      ...last,
      more: from + page.length < last.version,
      size: page.reduce((sum, { data }) => sum + data.length, 0),
    }
  }

  return {
    /** Locks and syncs only where something is written; what only asks is a read. */
    append: (units: readonly Unit[]): readonly UnitOutcome[] => {
      if (db.inTransaction) throw new StoreError('refused', 'append inside a transaction of the caller')
      return units.some(writes) ? write.immediate(units) : look.deferred(units)
    },
    load: db.transaction((wanted: readonly Wanted[], keys: readonly string[]) => ({
      streams: wanted.map(loadOne),
      keys: keys.flatMap(known),
    })),
  }
}
