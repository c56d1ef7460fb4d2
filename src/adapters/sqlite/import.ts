// Bulk import into a SQLite file: a temporary table, which locks nothing, stages the records; one transaction moves a
// chunk and stores the progress.
import type { Database, SQLQueryBindings } from 'bun:sqlite'
import type { StoredEvent } from '../../ports/store/event.ts'
import {
  chunkOf,
  type ImportProgress,
  movedElsewhereError,
  type NewImport,
  oldStreamError,
  refuseUnfinished,
  type Staging,
  type UnfinishedImport,
} from '../../ports/store/import.ts'
import { type NewRecord, refuseDifferences, type Twin } from '../../ports/store/import-record.ts'
import { instant } from '../../ports/store/instant.ts'
import { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

type KeptImport = { readonly moved: number; readonly total: number; readonly position: number; readonly began: number }
type StagedRow = Required<NewRecord> & { readonly nth: number }
type TwinRow = StagedRow & { readonly [Name in keyof StoredEvent as `other_${Name}`]: StoredEvent[Name] }

export type SqliteImports = {
  /** Makes a place for the records of one import. Its calls throw if another process is writing. */
  readonly stage: () => Sync<Staging>
  readonly imports: () => readonly UnfinishedImport[]
  readonly endImport: (name: string) => boolean
}

const UNFINISHED = 'from imports where moved < total'
const STAGED_COLUMNS = 'nth, line, stream, id, type, schema, data, meta'

export function syncImports(db: Database, texts: Statements, now: () => number): SqliteImports {
  const unfinished = () =>
    texts
      .get<Omit<UnfinishedImport, 'beganAt'> & { began_at: number }>(
        `select name, case source when '' then name else source end as source, moved, total, began_at ${UNFINISHED} order by began_at, name`,
      )
      .all()
      .map(({ began_at, ...one }) => ({ ...one, beganAt: instant(began_at) }))
  return {
    stage: () => new SqliteStaging(db, now, unfinished).calls,
    imports: unfinished,
    endImport: name => texts.get('delete from imports where name = ? and moved < total').run(name).changes > 0,
  }
}

class SqliteStaging {
  readonly #db: Database
  readonly #now: () => number
  readonly #unfinished: () => readonly UnfinishedImport[]
  /** The statements of this import, which end before its table does. */
  readonly #texts: Statements
  readonly #table: string
  readonly calls: Sync<Staging>
  static #count = 0

  constructor(db: Database, now: () => number, unfinished: () => readonly UnfinishedImport[]) {
    this.#db = db
    this.#now = now
    this.#unfinished = unfinished
    this.#texts = new Statements(db)
    this.#table = `temp.import_${SqliteStaging.#count++}`
    db.run(
      `create table ${this.#table} (
        nth integer primary key, line integer, stream text, id text unique, type text, schema text, data text, meta text
      )`,
    )
    this.calls = {
      add: db.transaction((page: readonly NewRecord[]) => page.flatMap(record => this.#add(record))).deferred,
      head: () => this.#head().position,
      match: db.transaction((after: number, until: number) => this.#match(after, until)).deferred,
      begin: db.transaction((what: NewImport) => this.#begin(what)).immediate,
      move: db.transaction((name: string, at: ImportProgress) => this.#move(name, at)).immediate,
      close: () => this.#close(),
    }
  }

  #add(record: NewRecord): readonly Twin[] {
    const { line = 0, stream, id, type, schema, data, meta } = record
    const { changes } = this.#run(
      `insert into ${this.#table} (line, stream, id, type, schema, data, meta) values (?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing`,
      [line, stream, id, type, schema, data, meta],
    )
    if (changes > 0) return []
    return [{ record, other: this.#get<StagedRow>(`select ${STAGED_COLUMNS} from ${this.#table} where id = ?`, [id])! }]
  }

  #match(after: number, until: number): readonly Twin[] {
    const other = ['stream', 'version', 'position', 'id', 'type', 'schema', 'data', 'meta', 'at']
    // The cross join reads the log in its order, and looks each id up among the staged ones.
    const rows = this.#texts
      .get<TwinRow & { other_at: number }>(
        `select s.*, ${other.map(name => `e.${name} as other_${name}`).join(', ')}
        from events e cross join ${this.#table} s on s.id = e.id
        where e.position > ? and e.position <= ?`,
      )
      .all(after, until)
    for (const { nth } of rows) this.#run(`delete from ${this.#table} where nth = ?`, [nth])
    return rows.map(twinOf)
  }

  #begin({ name, source, compared, onlyNew }: NewImport): ImportProgress {
    const head = this.#head().position
    const twins = this.#match(compared, head)
    refuseDifferences(twins)
    const left = this.#get<{ count: number }>(`select count(*) as count from ${this.#table}`, [])!.count
    const unfinished = this.#unfinished()
    if (left > 0) refuseUnfinished(unfinished, name)
    const before = unfinished.some(one => one.name === name) ? this.#kept(name) : null
    const { moved, position, began } = before ?? { moved: 0, position: 0, began: head }
    const begun = { moved, total: moved + left, position }
    if (onlyNew) this.#refuseOldStreams(began)
    this.#run(
      `insert into imports (name, fingerprint, source, total, moved, position, began, began_at) values (?, '', ?, ?, ?, ?, ?, ?)
      on conflict (name) do update set total = excluded.total, moved = excluded.moved, position = excluded.position, began = excluded.began`,
      [name, source, begun.total, moved, position, began, this.#now()],
    )
    return { ...begun, known: twins.length }
  }

  #refuseOldStreams(began: number): void {
    const old = this.#get<{ stream: string }>(
      `select s.stream from ${this.#table} s join events e on e.stream = s.stream and e.version = 1 and e.position <= ? limit 1`,
      [began],
    )
    if (old) throw oldStreamError(old.stream)
  }

  #move(name: string, at: ImportProgress): ImportProgress {
    const before = this.#kept(name)
    if (before?.moved !== at.moved) throw movedElsewhereError()
    const chunk = chunkOf(this.#texts.get<StagedRow>(`select ${STAGED_COLUMNS} from ${this.#table} order by nth`).iterate())
    const position = this.#append(chunk)
    const moved = before.moved + chunk.length
    this.#run(`delete from ${this.#table} where nth <= ?`, [chunk.at(-1)!.nth])
    this.#run('update imports set moved = ?, position = ? where name = ?', [moved, position, name])
    return { moved, total: before.total, position, known: 0 }
  }

  /** Appends records at the end of the log and of their streams. Gives the position of the last one. */
  #append(chunk: readonly NewRecord[]): number {
    const head = this.#head()
    const time = Math.max(this.#now(), head.at)
    const versions = new Map<string, number>()
    let { position } = head
    for (const { stream, id, type, schema, data, meta } of chunk) {
      const version = (versions.get(stream) ?? this.#versionOf(stream)) + 1
      versions.set(stream, version)
      this.#run(
        'insert into events (position, stream, version, id, type, schema, data, meta, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        [++position, stream, version, id, type, schema, data, meta, time],
      )
    }
    return position
  }

  #head(): { readonly position: number; readonly at: number } {
    const text = 'select position, at from events order by position desc limit 1'
    return this.#get<{ position: number; at: number }>(text, []) ?? { position: 0, at: 0 }
  }

  #versionOf(stream: string): number {
    const text = 'select version from events where stream = ? order by version desc limit 1'
    return this.#get<{ version: number }>(text, [stream])?.version ?? 0
  }

  #kept(name: string): KeptImport | null {
    return this.#get<KeptImport>('select moved, total, position, began from imports where name = ?', [name])
  }

  #get<Row>(text: string, values: SQLQueryBindings[]): Row | null {
    return this.#texts.get<Row>(text).get(...values)
  }

  #run(text: string, values: SQLQueryBindings[]): { readonly changes: number } {
    return this.#texts.get(text).run(...values)
  }

  #close(): void {
    this.#texts[Symbol.dispose]()
    this.#db.run(`drop table ${this.#table}`)
  }
}

function twinOf(row: TwinRow): Twin {
  const { line, stream, id, type, schema, data, meta } = row
  return {
    record: { line, stream, id, type, schema, data, meta },
    other: {
      stream: row.other_stream,
      version: row.other_version,
      position: row.other_position,
      id: row.other_id,
      type: row.other_type,
      schema: row.other_schema,
      data: row.other_data,
      meta: row.other_meta,
      at: instant(Number(row.other_at)),
    },
  }
}
