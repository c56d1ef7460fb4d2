// Bulk import into PostgreSQL: COPY stages all records in one transaction that holds no lock of the log, then short
// ones move them.
import { settleWithin } from '../../lib/deadline.ts'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { Writable } from 'node:stream'
import type { Sql, TransactionSql } from 'postgres'
import {
  CHUNK_EVENTS_MAX,
  CHUNK_SIZE_MAX,
  ImportDigest,
  type ImportOptions,
  type ImportProgress,
  movedElsewhereError,
  oldStreamError,
  refuseUnfinished,
  type UnfinishedImport,
} from '../../ports/store/import.ts'
import { type NewRecord, type Records, type Twin, Twins } from '../../ports/store/import-record.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { storeError } from './errors.ts'
import { connect, type Pool } from './pool.ts'
import { LONG_TRANSACTION, takeTime } from './session.ts'

export type ImportTarget = {
  readonly url: string
  readonly schema: string
  readonly writer: Pool
  readonly lockTimeoutMs: number
}

/** The longest time that the server may take to accept a page of records, in ms. */
const STAGE_DEADLINE_MS = 60_000
/** A chunk that could not be moved is tried again after this time, and for that long, in ms. */
const RETRY_MS = 200
const RETRY_FOR_MS = 30_000
/** How many records that may differ from what has their id are read at once. */
const TWINS_PAGE = 500

type StagedImport = { readonly number: number; readonly at: ImportProgress }

/** Imports records: stages them whole or not at all, then moves them chunk by chunk. */
export async function* importRecords(
  target: ImportTarget,
  records: Records,
  options: ImportOptions,
): AsyncGenerator<ImportProgress> {
  const { number, at } = await stage(target, records, options)
  yield at
  for (let { moved } = at; moved < at.total; ) {
    const next = await moveChunk(target, number)
    moved = next.moved
    yield { ...next, known: at.known }
  }
}

/** Lists unfinished imports, the oldest first. */
export async function listImports({
  schema,
  writer,
}: Pick<ImportTarget, 'schema' | 'writer'>): Promise<readonly UnfinishedImport[]> {
  return (await writer.run(sql => sql.unsafe(unfinishedText(schema)))).map(unfinishedOf)
}

/** Deletes an unfinished import and its staged rows, however many. */
export async function endImport({ url, schema }: Pick<ImportTarget, 'url' | 'schema'>, name: string): Promise<boolean> {
  const sql = connectForCopy(url)
  try {
    const [row] = await sql.unsafe(`select ${schema}.import_end_v1($1) as ended`, [name])
    return row!['ended'] as boolean
  } catch (error) {
    throw storeError(error, 'unknown')
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Throws out of the transaction of the staging, which is undone. */
class Unneeded extends Error {
  readonly staged: StagedImport
  constructor(staged: StagedImport) {
    super('these records need not be staged')
    this.staged = staged
  }
}

/** Stages an import, or finds it unfinished. */
async function stage({ url, schema }: ImportTarget, records: Records, options: ImportOptions): Promise<StagedImport> {
  const sql = connectForCopy(url)
  let recordsError: unknown = null
  try {
    return await sql.begin(LONG_TRANSACTION, async tx => {
      await takeTime(tx)
      const number = (await tx.unsafe(`select ${schema}.import_stage_v1() as import`))[0]!['import'] as number
      const columns = 'import, nth, line, stream, id, type, schema, data, meta'
      const into = await tx.unsafe(`copy ${schema}.import_rows (${columns}) from stdin`).writable()
      const { name, error } = await copyRecords(into, number, records)
      recordsError = error
      // The COPY is ended in order and then rolled back. Otherwise the connection would stay in the middle of a COPY.
      if (error !== null) throw error
      return await beginImport(tx, schema, { number, name, ...options })
    })
  } catch (error) {
    if (error instanceof Unneeded) return error.staged
    throw error instanceof StoreError || (recordsError !== null && error === recordsError)
      ? error
      : storeError(error, 'unavailable')
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Begins an import whose records are staged. If there is nothing to move, or it had begun before, undoes its staging. */
async function beginImport(
  tx: TransactionSql,
  schema: string,
  { number, name, source, onlyNew = false }: ImportOptions & { readonly number: number; readonly name: string },
): Promise<StagedImport> {
  const unfinished = await tx.unsafe(unfinishedText(schema))
  const begun = unfinished.find(one => one['name'] === name)
  if (begun) {
    if (onlyNew) await refuseOldStreams(tx, schema, begun['import'] as number)
    throw new Unneeded({ number: begun['import'] as number, at: progressOf(begun) })
  }
  const known = await dropKnown(tx, schema, number)
  const [row] = await tx.unsafe(`select ${schema}.import_begin_v2($1, $2, $3) as total`, [number, name, source])
  const at = { moved: 0, total: row!['total'] as number, position: 0, known }
  if (at.total === 0) throw new Unneeded({ number, at })
  refuseUnfinished(unfinished.map(unfinishedOf), name)
  if (onlyNew) await refuseOldStreams(tx, schema, number)
  return { number, at }
}

/** Deletes staged records that are in the log already, or were staged before. Throws if one differs from what has its id. */
async function dropKnown(tx: TransactionSql, schema: string, number: number): Promise<number> {
  const differing = new Twins()
  let known = 0
  for await (const page of tx.unsafe(`select * from ${schema}.import_known_v1($1)`, [number]).cursor(TWINS_PAGE)) {
    known += Number(page[0]?.['many'] ?? 0)
    differing.take(page.filter(row => row['many'] === null).map(twinOf))
  }
  differing.refuseDifferences()
  return known
}

function twinOf(row: { readonly [column: string]: unknown }): Twin {
  // The columns are those of import_known_v1.
  const { line, id, stream, type, data, meta, other_line, other_position, other_at } = row as TwinColumns
  const other = { id, stream: row['other_stream'], type: row['other_type'], data: row['other_data'], meta: row['other_meta'] }
  const place =
    other_position === null ? { line: other_line } : { position: other_position, at: new Date(other_at!).toISOString() }
  return {
    record: { line, id, stream, type, data, meta, schema: '' },
    other: { ...other, ...place, schema: '' } as Twin['other'],
  }
}
type TwinColumns = Required<NewRecord> & {
  readonly other_line: number | null
  readonly other_position: number | null
  readonly other_at: string | null
}

async function refuseOldStreams(tx: TransactionSql, schema: string, number: number): Promise<void> {
  const [old] = await tx.unsafe(`select ${schema}.import_old_v2($1) as stream`, [number])
  if (typeof old?.['stream'] === 'string') throw oldStreamError(old['stream'])
}

/** Writes all records as rows of COPY. `error`: the error of reading them. */
async function copyRecords(into: Writable, number: number, records: Records): Promise<{ name: string; error: unknown }> {
  const digest = new ImportDigest()
  let nth = 0
  let error: unknown = null
  const failure = once(into, 'error').then(([cause]) => {
    throw cause
  })
  failure.catch(() => {})
  try {
    for await (const page of records()) {
      const text = digest
        .take(page)
        .map(record => rowOf(number, ++nth, record))
        .join('')
      if (text !== '' && !into.write(text)) await Promise.race([inTime(once(into, 'drain')), failure])
    }
  } catch (cause) {
    if (into.destroyed) throw cause
    error = cause
  }
  into.end()
  await inTime(finished(into))
  return { name: digest.name, error }
}

/** A row in COPY's text format. */
function rowOf(number: number, nth: number, { line, stream, id, type, schema, data, meta }: NewRecord): string {
  return `${number}\t${nth}\t${line}\t${escapeText(stream)}\t${id}\t${escapeText(type)}\t${escapeText(schema)}\t${escapeText(data)}\t${escapeText(meta)}\n`
}

function escapeText(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(/[\\\t\n\r]/g, character => ESCAPES[character]!) : text
}
const SPECIAL = /[\\\t\n\r]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/**
 * Moves the next chunk. A statement whose answer was lost is sent again: the server knows the progress of the import.
 */
async function moveChunk({ writer, schema, lockTimeoutMs }: ImportTarget, number: number): Promise<ImportProgress> {
  const text = `select * from ${schema}.import_chunk_v2($1, $2, $3, $4)`
  const parameters = [number, CHUNK_EVENTS_MAX, CHUNK_SIZE_MAX, lockTimeoutMs]
  for (const until = performance.now() + RETRY_FOR_MS; ; ) {
    try {
      const [row] = await writer.run(sql => sql.unsafe(text, parameters, { prepare: true }), { reasonIfLost: 'unknown' })
      if (row!['moved'] === null) throw movedElsewhereError()
      return progressOf(row!)
    } catch (error) {
      const isForNow = error instanceof StoreError && (error.reason === 'unavailable' || error.reason === 'unknown')
      if (!isForNow || performance.now() > until) throw error
      await Bun.sleep(RETRY_MS)
    }
  }
}

function unfinishedText(schema: string): string {
  return `
    select import, name, case source when '' then name else source end as source, moved, total, position,
      to_char(coalesce(began_at, 'epoch') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "beganAt"
    from ${schema}.imports
    where moved < total
    order by import`
}

function unfinishedOf(row: { readonly [column: string]: unknown }): UnfinishedImport {
  // The columns are those of unfinishedText.
  const { name, source, moved, total, beganAt } = row as UnfinishedImport
  return { name, source, moved, total, beganAt }
}

function progressOf({ moved, total, position }: { readonly [column: string]: unknown }): ImportProgress {
  return { moved: moved as number, total: total as number, position: position as number, known: 0 }
}

/** A connection of its own: COPY takes as long as the file needs, and a statement's deadline is shorter. */
function connectForCopy(url: string): Sql {
  return connect(url, {
    max: 1,
    prepare: false,
    session: {},
    role: 'import',
  })
}

/** Rejects if nothing happens in time. postgres.js would wait for ever on a connection that hangs without closing. */
function inTime<T>(promise: Promise<T>): Promise<T> {
  const late = () => new StoreError('unavailable', `PostgreSQL took no more records within ${STAGE_DEADLINE_MS} ms`)
  return settleWithin(STAGE_DEADLINE_MS, promise, late)
}
