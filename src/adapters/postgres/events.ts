// Turns rows of the log into events, and makes the SQL that selects them.
import type { StoredEvent } from '../../ports/store/event.ts'
import { instant } from '../../ports/store/instant.ts'
import type { Filter } from '../../ports/store/log.ts'
import type { SqlValues } from './query.ts'
import { texts } from './text.ts'

export type PostgresEventRow = Omit<StoredEvent, 'at'> & { readonly at: number }

// A time as a number costs half as much as a Date, from the server's text to ours.
const COLUMNS = `position, stream, version, id, type, schema, data, meta, round(date_part('epoch', at) * 1000) as at`
const NAMES = 'position, stream, version, id, type, schema, data, meta, at'
const CATEGORY = `split_part(stream, '-', 1)`

/** Turns rows into events in place: a copy of each row would take a fifth of the time of a read. */
export function storedEvents(rows: readonly PostgresEventRow[]): readonly StoredEvent[] {
  for (const row of rows as readonly { at: string | number }[]) row.at = instant(row.at as number)
  return rows as readonly unknown[] as readonly StoredEvent[]
}

/**
 * Selects a page in the order of a column. `rest`: the statement from its `from` on. With a size, the page ends with
 * the event at which its payloads reach it. The database knows the length in bytes of a large payload without reading
 * it, so the events after the page cost little.
 */
export function selectPage(
  rest: string,
  by: 'position' | 'version' | 'version desc',
  sizeMax: number | undefined,
  values: SqlValues,
): string {
  if (sizeMax === undefined) return `select ${COLUMNS} ${rest}`
  const before = `coalesce(sum(octet_length(data)) over (order by ${by} rows between unbounded preceding and 1 preceding), 0)`
  return `select ${NAMES} from (select ${COLUMNS}, ${before} as before ${rest}) page where before < ${values.add(sizeMax)} order by ${by}`
}

/** The condition of a filter. It keeps types of the same name in two categories apart, and uses the index on types. */
export function filterCondition(filter: Filter, values: SqlValues): string {
  const whole = [...filter].flatMap(([category, types]) => (types === null ? [category] : []))
  const named = [...filter].flatMap(([category, types]) => (types ?? []).map(type => `${category}.${type}`))
  const types = [...new Set([...filter.values()].flatMap(types => types ?? []))]
  const some = `${CATEGORY} || '.' || type = any (${values.add(texts(named))}::text[])`
  if (!whole.length) return `type = any (${values.add(texts(types))}::text[]) and ${some}`
  return `(${CATEGORY} = any (${values.add(texts(whole))}::text[]) or ${some})`
}
