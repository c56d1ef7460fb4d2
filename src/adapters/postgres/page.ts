// The writes of a page as one statement, for any number of rows. In autocommit no client can stop in the middle of it.

import { columnOf } from '../../ports/read-model/listing.ts'
import { PAUSE_MS, PAUSED_OWNER } from '../../ports/read-model/leases.ts'
import type { NewPage, NewRow } from '../../ports/read-model/progress.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import type { TransactionSql } from 'postgres'
import { query, SqlValues } from './query.ts'
import { list, texts } from './text.ts'

/**
 * The most rows of one statement, and the most data in characters (a single row may be larger): an amount that fits into
 * work_mem, and that is written out within a turn of the event loop.
 */
const CHUNK_ROWS_MAX = 2_000
const CHUNK_SIZE_MAX = 2_000_000

/** A part of a statement. It writes only where `holds` is true, and adds its values when it is made. */
export type Part = (values: SqlValues, holds: string) => string

/** Joins parts to one statement. If the guard moves no checkpoint, it gives no row, and no part writes. */
export function guardPage(values: SqlValues, schema: string, page: NewPage, parts: readonly Part[]): string {
  const guard = `guard as (${moveCheckpoint(values, schema, page)} returning true)`
  const rest = parts.map((part, i) => `part_${i} as (${part(values, 'exists (select from guard)')})`)
  return `with ${[guard, ...rest].join(',\n')}\nselect true as written from guard`
}

/** Runs parts in a transaction, each as a statement of its own. */
export async function runParts(tx: TransactionSql, parts: readonly Part[]): Promise<void> {
  for (const part of parts) {
    const values = new SqlValues()
    const text = part(values, 'true')
    await query(tx, text, values.all, { custom: true })
  }
}

/**
 * Moves the checkpoint, if it is still at the beginning of the page and the epoch is that of its owner. Everything else
 * depends on it.
 */
function moveCheckpoint(values: SqlValues, schema: string, { name, epoch, from, to, pauses = false }: NewPage): string {
  return `update ${schema}.checkpoints set position = ${values.add(to)}, saved_at = clock_timestamp()${pauses ? ', epoch = epoch + 1' : ''}
    where name = ${values.add(name)} and epoch = ${values.add(epoch)} and position = ${values.add(from)}`
}

/** The parts that delete keys which are no longer parked, and add newly parked keys. */
export function parkParts(schema: string, { name, park, unpark }: NewPage): readonly Part[] {
  const again = new Set(park.map(({ kind, key }) => `${kind} ${key}`))
  // One statement may not change a row twice: a key that is parked again is overwritten.
  const gone = unpark.filter(({ kind, key }) => !again.has(`${kind} ${key}`))
  return [...(gone.length ? [unparkPart(schema, name, gone)] : []), ...(park.length ? [parkPart(schema, name, park)] : [])]
}

/** Prolongs the lease, unless it was given back, and deletes a suspect that is done. A page that pauses takes the lease. */
export function leasePart(schema: string, page: NewPage): Part {
  if (page.pauses) return pausePart(schema, page)
  const { name, epoch, to, ttlMs } = page
  return (values, holds) => {
    const position = values.add(to)
    const pending = (column: string) => `${column} = case when suspect_position > ${position} then ${column} end`
    return `update ${schema}.leases set until = clock_timestamp() + ${values.add(ttlMs)} * interval '1 millisecond',
        ${pending('suspect_position')}, ${pending('suspect_key')}
      where name = ${values.add(name)} and epoch = ${values.add(epoch)} and owner is not null and ${holds}`
  }
}

/** Gives the lease to nobody's process, for ever. */
function pausePart(schema: string, { name, epoch, to }: NewPage): Part {
  return (values, holds) =>
    `update ${schema}.leases set epoch = epoch + 1, owner = ${values.add(PAUSED_OWNER)}, position = ${values.add(to)},
        until = clock_timestamp() + ${values.add(PAUSE_MS)} * interval '1 millisecond',
        takeovers = 0, suspect_position = null, suspect_key = null
      where name = ${values.add(name)} and epoch = ${values.add(epoch)} and ${holds}`
}

function unparkPart(schema: string, name: string, gone: NewPage['unpark']): Part {
  return (values, holds) => {
    const [kinds, keys] = (['kind', 'key'] as const).map(of => values.add(texts(gone.map(one => one[of]))))
    return `delete from ${schema}.parked where name = ${values.add(name)} and ${holds}
      and (kind, key) in (select * from unnest(${kinds}::text[], ${keys}::text[]))`
  }
}

function parkPart(schema: string, name: string, park: NewPage['park']): Part {
  return (values, holds) => {
    const [kinds, keys, causes] = (['kind', 'key', 'cause'] as const).map(of => values.add(texts(park.map(one => one[of]))))
    const positions = values.add(list(park.map(({ position }) => position)))
    const since = values.add(list(park.map(({ retrySince }) => retrySince ?? null)))
    const readers = values.add(texts(park.map(({ reader }) => reader ?? '')))
    return `insert into ${schema}.parked (name, kind, key, position, cause, at, again, reader)
      select ${values.add(name)}, p.kind, p.key, p.position, p.cause,
        coalesce(to_timestamp(p.since / 1000), clock_timestamp()), case when p.since is not null then 'whole' end, nullif(p.reader, '')
      from unnest(${kinds}::text[], ${keys}::text[], ${positions}::bigint[], ${causes}::text[], ${since}::float8[], ${readers}::text[])
        p(kind, key, position, cause, since, reader)
      where ${holds}
      on conflict (name, kind, key) do update
      set position = excluded.position, cause = excluded.cause, at = excluded.at, again = excluded.again, reader = excluded.reader`
  }
}

/** `keepsNewer`: as in `NewPage`. */
export type RowPartOptions = { readonly empty?: boolean; readonly keepsNewer?: boolean }

/**
 * Writes rows over existing ones, and deletes rows without data. `empty`: the table is empty, which makes it a third
 * faster.
 */
export function rowParts(
  schema: string,
  table: Table,
  rows: readonly NewRow[],
  { empty = false, keepsNewer = false }: RowPartOptions = {},
): readonly Part[] {
  const target = `${schema}."rows_${table.name}"`
  const removed = rows.filter(({ data }) => data === null)
  const kept = removed.length ? rows.filter(({ data }) => data !== null) : rows
  return [
    ...(removed.length && !empty ? [keepsNewer ? deleteOldPart(target, removed) : deletePart(target, removed)] : []),
    ...(kept.length ? [insertPart(target, table, kept, { empty, keepsNewer })] : []),
  ]
}

function deletePart(target: string, rows: readonly NewRow[]): Part {
  return (values, holds) =>
    `delete from ${target} where key = any (${values.add(texts(rows.map(({ key }) => key)))}::text[]) and ${holds}`
}

function deleteOldPart(target: string, rows: readonly NewRow[]): Part {
  return (values, holds) => {
    const keys = values.add(texts(rows.map(({ key }) => key)))
    const positions = values.add(list(rows.map(({ position }) => position)))
    return `delete from ${target} r using unnest(${keys}::text[], ${positions}::bigint[]) n(key, position)
      where r.key = n.key and r.position <= n.position and ${holds}`
  }
}

/** A row that is kept is not locked: an append may be waiting for it with the lock of the log. */
function insertPart(
  target: string,
  { indexes }: Table,
  rows: readonly NewRow[],
  { empty, keepsNewer }: Required<RowPartOptions>,
): Part {
  const columns = ['position', 'data', ...indexes.map(({ field }) => `"${columnOf(field)}"`)]
  const over = `on conflict (key) do update set ${columns.map(column => `${column} = excluded.${column}`).join(', ')}
    ${keepsNewer ? 'where r.position < excluded.position' : ''}`
  const isWritten = keepsNewer ? `not exists (select from ${target} k where k.key = n.key and k.position >= n.position)` : 'true'
  return (values, holds) => {
    const lists = [
      `unnest(${values.add(texts(rows.map(({ key }) => key)))}::text[])`,
      `unnest(${values.add(list(rows.map(({ position }) => position)))}::bigint[])`,
      // JSON text has no line feed.
      `unnest(string_to_array(${values.add(rows.map(({ data }) => data).join('\n'))}, e'\\n'))`,
      ...indexes.map(({ kind }, i) => {
        const fields = rows.map(({ fields }) => fields[i]!)
        // The kinds were checked with the page.
        return kind === 'number'
          ? `unnest(${values.add(list(fields as readonly (number | null)[]))}::double precision[])`
          : `unnest(${values.add(texts(fields as readonly (string | null)[]))}::text[])`
      }),
    ]
    return `insert into ${target} as r (key, ${columns.join(', ')})
      select * from rows from (${lists.join(', ')}) n(key, position) where ${isWritten} and ${holds} ${empty ? '' : over}`
  }
}

/** Divides the rows of a page, one chunk for each statement. */
export function chunksOf(rows: readonly NewRow[]): readonly (readonly NewRow[])[] {
  const parts: NewRow[][] = []
  let size = 0
  for (const row of rows) {
    const length = row.data?.length ?? 0
    const last = parts.at(-1)
    if (last && last.length < CHUNK_ROWS_MAX && size + length <= CHUNK_SIZE_MAX) {
      last.push(row)
      size += length
    } else {
      parts.push([row])
      size = length
    }
  }
  return parts
}
