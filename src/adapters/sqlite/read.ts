// Reads pages of events and of streams.
import type { SQLQueryBindings, Statement } from 'bun:sqlite'
import { instant } from '../../ports/store/instant.ts'
import type { Filter, Log, StreamHead, StreamsOptions } from '../../ports/store/log.ts'
import { upToSize } from '../../ports/store/page-size.ts'
import { categoryBounds } from '../../definitions/event/stream-name.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { EVENT_COLUMNS, type PreparedLog, type SqliteEventRow } from './prepared.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

// The streams of a category lie between its name with `-` and its name with the next character. This finds them without
// cutting each name apart. The + keeps the planner from using the index on streams.
const OF_CATEGORY = '(+stream >= ? and +stream < ? or +stream = ?)'

export type SyncReads = Pick<Sync<Log>, 'read' | 'readAll' | 'streams' | 'typesAt' | 'head'>

export function syncReads(prepared: PreparedLog, texts: Statements): SyncReads {
  return {
    read: (stream, { after, limit, until = Number.MAX_SAFE_INTEGER, types, backwards, sizeMax }) => {
      const text = streamQuery(types?.length ?? null, backwards)
      return readPage(texts.get<SqliteEventRow>(text), [stream, after, until, ...(types ?? []), limit], sizeMax)
    },
    readAll: ({ after, limit, until = Number.MAX_SAFE_INTEGER, filter, sizeMax }) => {
      const { sql, values } = filter ? filterQuery(filter) : { sql: null, values: [] }
      const statement = sql === null ? prepared.readLog : texts.get<SqliteEventRow>(sql)
      return readPage(statement, [after, until, ...values, limit], sizeMax)
    },
    streams: options => listStreams(texts, options),
    typesAt: places => places.map(({ stream, version }) => prepared.typeAt.get(stream, version)?.type ?? null),
    head: () => prepared.top.get()?.position ?? 0,
  }
}

/** Reads a page, and stops at its size. Without a size, reading all rows at once is faster. */
function readPage<V extends SQLQueryBindings[]>(
  statement: Statement<SqliteEventRow, V>,
  values: V,
  sizeMax: number | undefined,
): readonly StoredEvent[] {
  return storedEvents(sizeMax === undefined ? statement.all(...values) : upToSize(statement.iterate(...values), sizeMax))
}

/** Turns rows into events in place: a copy of each row would take a fifth of the time of a read. */
function storedEvents(rows: readonly SqliteEventRow[]): readonly StoredEvent[] {
  for (const row of rows as readonly { at: string | number }[]) row.at = instant(row.at as number)
  return rows as readonly unknown[] as readonly StoredEvent[]
}

/** Selects a page of a stream by version, of so many types; null: of all. */
function streamQuery(types: number | null, backwards = false): string {
  const ofTypes = types === null ? '' : `and type in (${Array.from({ length: types }, () => '?').join(', ')})`
  return `select ${EVENT_COLUMNS} from events where stream = ? and version > ? and version <= ? ${ofTypes} order by version ${backwards ? 'desc' : ''} limit ?`
}

/** Selects a page of some types by position. An index on types would cost appends more than it saves reads. */
function filterQuery(filter: Filter): { readonly sql: string; readonly values: readonly string[] } {
  const wanted = [...filter].filter(([, types]) => types === null || types.length > 0)
  const conditions = wanted.map(([, types]) =>
    types === null ? OF_CATEGORY : `type in (${types.map(() => '?').join(', ')}) and ${OF_CATEGORY}`,
  )
  return {
    sql: `select ${EVENT_COLUMNS} from events where position > ? and position <= ? and (${conditions.join(' or ') || 'false'}) order by position limit ?`,
    values: wanted.flatMap(([category, types]) => [...(types ?? []), `${category}-`, `${category}.`, category]),
  }
}

/** Jumps from stream to stream on the index that makes their versions unique. */
function listStreams(texts: Statements, { after, limit, category }: StreamsOptions): readonly StreamHead[] {
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
