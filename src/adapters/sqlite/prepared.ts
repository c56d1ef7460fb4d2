// The statements of the log, prepared once when a file is opened.
import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'
import type { StoredEvent } from '../../ports/store/event.ts'
import type { StoredKey } from '../../ports/store/unit.ts'

export type SqliteEventRow = Omit<StoredEvent, 'at'> & { readonly at: number }
type SqliteFact = Pick<StoredEvent, 'type' | 'schema' | 'data' | 'meta'>
export const EVENT_COLUMNS = 'position, stream, version, id, type, schema, data, meta, at'

export type PreparedLog = {
  readonly last: Statement<{ version: number; position: number }, [string]>
  readonly insert: Statement<unknown, SQLQueryBindings[]>
  readonly dataVersion: Statement<{ data_version: number }, []>
  readonly totalChanges: Statement<{ many: number }, []>
  readonly top: Statement<{ position: number; at: number }, []>
  /** The facts of a stream. Their metadata is empty here, so that its pages are not read. */
  readonly facts: Statement<SqliteFact, [string, number, number]>
  readonly factsWithMeta: Statement<SqliteFact, [string, number, number]>
  readonly typeAt: Statement<{ type: string }, [string, number]>
  readonly readStream: Statement<SqliteEventRow, [string, number, number]>
  readonly readLog: Statement<SqliteEventRow, SQLQueryBindings[]>
  readonly key: Statement<StoredKey, [string, number]>
  readonly saveKey: Statement<unknown, SQLQueryBindings[]>
  readonly deleteKeys: Statement<unknown, [number]>
  readonly snapshot: Statement<{ version: number; state: string }, [string, number, number]>
  readonly saveSnapshot: Statement<unknown, SQLQueryBindings[]>
  readonly deleteSnapshots: Statement<unknown, [string, number, number]>
}

export function prepareLog(db: Database): PreparedLog {
  const events = `select ${EVENT_COLUMNS} from events`
  const factsOf = (meta: string) =>
    `select type, schema, data, ${meta} as meta from events where stream = ? and version > ? order by version limit ?`
  return {
    last: db.prepare('select version, position from events where stream = ? order by version desc limit 1'),
    insert: db.prepare(
      'insert into events (position, stream, version, id, type, schema, data, meta, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    dataVersion: db.prepare('pragma data_version'),
    totalChanges: db.prepare('select total_changes() as many'),
    top: db.prepare('select position, at from events order by position desc limit 1'),
    facts: db.prepare(factsOf("''")),
    factsWithMeta: db.prepare(factsOf('meta')),
    typeAt: db.prepare('select type from events where stream = ? and version = ?'),
    readStream: db.prepare(`${events} where stream = ? and version > ? order by version limit ?`),
    readLog: db.prepare(`${events} where position > ? and position <= ? order by position limit ?`),
    key: db.prepare(
      'select key, fingerprint, stream, version, count, position, rejection from keys where key = ? and (until is null or until > ?)',
    ),
    saveKey: db.prepare(
      'insert or replace into keys (key, fingerprint, stream, version, count, position, rejection, until) values (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    deleteKeys: db.prepare(
      "delete from keys where until <= ? and substr(key, instr(key, ':') + 1) not in (select id from agenda)",
    ),
    snapshot: db.prepare('select version, state from snapshots where stream = ? and schema = ? and version > ?'),
    deleteSnapshots: db.prepare('delete from snapshots where stream = ? and schema <> ? and version <= ?'),
    saveSnapshot: db.prepare(
      'insert into snapshots values (?, ?, ?, ?) on conflict (stream, schema) do update set version = excluded.version, state = excluded.state where excluded.version > snapshots.version',
    ),
  }
}
