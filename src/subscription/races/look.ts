// Reads what a checker has to see in one snapshot, by the database's own client: none of the code under test is asked.
import { Database } from 'bun:sqlite'
import type { Sql } from 'postgres'
import type { StoredEvent as WholeEvent } from '../../ports/store/event.ts'
import { type Delivered, type Logged, type Seen, TABLES } from './checker.ts'

/** Looks once; `after` is the last position that was seen. */
export type Look = (after: number) => Promise<Seen>

type Checkpoint = { readonly name: string; readonly position: number }
type RowOf = { readonly key: string; readonly position: number; readonly data: string }
type StoredEvent = Omit<Logged, 'token'> & { readonly type: string; readonly data: string }

/** What is asked, in words that both databases know. */
const selects = (schema: string) => {
  const [of, number] = schema ? [`${schema}.`, '::float8'] : ['', '']
  return {
    events: (after: number) =>
      `select position${number} as position, stream, version${number} as version, id${schema && '::text'} as id, type, data from ${of}events where position > ${after} order by position`,
    checkpoints: `select name, position${number} as position from ${of}checkpoints`,
    parked: `select name, kind, key, position${number} as position, cause, again from ${of}parked`,
    rows: (name: string) => `select key, position${number} as position, data from ${of}"rows_${name}"`,
    tables: `select name from ${of}row_tables`,
    reported: `select position${number} as position from ${of}sql_report_v1_seen`,
  }
}

function toSeen(
  events: readonly StoredEvent[],
  checkpoints: readonly Checkpoint[],
  parked: readonly AsideRow[],
  rows: readonly (readonly [string, readonly RowOf[]])[],
  reported: readonly { readonly position: number }[] | null,
): Seen {
  return {
    events: events.map(({ type, data, ...event }) => ({ ...event, token: tokenOf(type, data) })),
    checkpoints: new Map(checkpoints.map(({ name, position }) => [name, position])),
    parked: parked.filter(one => !isInRetry(one)),
    retrying: parked.filter(isInRetry).length,
    rows: new Map(rows.map(([name, rows]) => [name, new Map(rows.map(row => [row.key, row]))])),
    reported: reported?.map(({ position }) => position) ?? null,
  }
}

type AsideRow = Seen['parked'][number] & { readonly again: string | null }

/** A key of the processor that is handled again until it succeeds stands beside those that are parked. */
function isInRetry({ name, again }: AsideRow): boolean {
  return name === 'effects' && again === 'whole'
}

/** Null for what nobody can read: a type of no release, a payload that fits no schema, or is none. */
function tokenOf(type: string, data: string): string | null {
  try {
    const { token } = JSON.parse(data) as { readonly token: unknown }
    return TYPES.has(type) && typeof token === 'string' ? token : null
  } catch {
    return null
  }
}
const TYPES: ReadonlySet<string> = new Set(['Raced', 'Added'])

/**
 * One statement, which has one snapshot. A transaction would be ended by whoever ends the server, and postgres.js says `rollback` to a socket
 * that is gone, which ends the test. Tables come to be meanwhile, so it is asked before and after which there are.
 */
export function postgresLook(sql: Sql, schema: string): Look {
  const ask = selects(schema)
  const all = (text: string) => `(select coalesce(json_agg(one), '[]') from (${text}) one)`
  const tables = async (): Promise<readonly string[]> => {
    const found = await sql<
      { name: string }[]
    >`select relname as name from pg_class where relnamespace = ${schema}::regnamespace and relkind = 'r' order by 1`
    return found.map(({ name }) => name)
  }
  const look = async (after: number, there: readonly string[]): Promise<Seen> => {
    const known = TABLES.filter(name => there.includes(`rows_${name}`))
    const parts = [
      `${all(ask.events(after))} as events`,
      `${all(ask.checkpoints)} as checkpoints`,
      `${all(ask.parked)} as parked`,
      ...known.map((name, i) => `${all(ask.rows(name))} as rows_${i}`),
      `${there.includes('sql_report_v1_seen') ? all(ask.reported) : 'null::json'} as reported`,
    ]
    const [found] = await sql.unsafe<Record<string, unknown>[]>(`select ${parts.join(', ')}`)
    // What each part asks for.
    const { events, checkpoints, parked, reported, ...rows } = found as Found & Record<string, readonly RowOf[]>
    return toSeen(
      events,
      checkpoints,
      parked,
      known.map((name, i) => [name, rows[`rows_${i}`]!] as const),
      reported,
    )
  }
  return async after => {
    for (let before = await tables(); ; ) {
      const found = await look(after, before)
      const there = await tables()
      if (String(there) === String(before)) return found
      before = there
    }
  }
}
type Found = {
  readonly events: readonly StoredEvent[]
  readonly checkpoints: readonly Checkpoint[]
  readonly parked: readonly AsideRow[]
  readonly reported: readonly { readonly position: number }[] | null
}

export function sqliteLook(file: string): Look & Disposable {
  const db = new Database(file, { readonly: true })
  db.run('pragma busy_timeout = 5000')
  const ask = selects('')
  const all = <R>(text: string) => db.query<R, []>(text).all()
  const snapshot = db.transaction((after: number) => {
    const events = db.query<StoredEvent, []>(ask.events(after)).all()
    const tables = new Set(all<{ name: string }>(ask.tables).map(({ name }) => name))
    const rows = TABLES.filter(name => tables.has(name)).map(name => [name, all<RowOf>(ask.rows(name))] as const)
    const there = all<{ name: string }>(`select name from sqlite_master where name = 'sql_report_v1_seen'`).length > 0
    return toSeen(
      events,
      all<Checkpoint>(ask.checkpoints),
      all<AsideRow>(ask.parked),
      rows,
      there ? all<{ position: number }>(ask.reported) : null,
    )
  })
  const look = async (after: number) => snapshot(after)
  return Object.assign(look, { [Symbol.dispose]: () => db.close() })
}

const WHOLE = 'position, stream, version, id, type, schema, data, meta, at'

/** The whole log as its table has it, for the checker of histories. */
export async function postgresLog(sql: Sql, schema: string): Promise<readonly WholeEvent[]> {
  const rows = await sql.unsafe<(Omit<WholeEvent, 'at'> & { at: Date })[]>(
    `select ${WHOLE} from ${schema}.events order by position`,
  )
  return rows.map(row => ({ ...row, position: Number(row.position), version: Number(row.version), at: row.at.toISOString() }))
}

export function sqliteLog(file: string): readonly WholeEvent[] {
  using db = new Database(file)
  const rows = db.query<Omit<WholeEvent, 'at'> & { at: number }, []>(`select ${WHOLE} from events order by position`).all()
  return rows.map(row => ({ ...row, at: new Date(row.at).toISOString() }))
}

const COLUMNS = 'key text, id text, stream text, version bigint'
/** The table that effects go to. */
export const EFFECTS = {
  postgres: `create table effects (seq bigint generated always as identity, ${COLUMNS})`,
  sqlite: `create table effects (seq integer primary key, ${COLUMNS})`,
} as const

export async function postgresEffects(sql: Sql): Promise<readonly Delivered[]> {
  return sql.unsafe<Delivered[]>(
    'select seq::float8 as seq, key, id, stream, version::float8 as version from effects order by seq',
  )
}

export function sqliteEffects(file: string): readonly Delivered[] {
  using db = new Database(file)
  return db.query<Delivered, []>('select seq, key, id, stream, version from effects order by seq').all()
}
