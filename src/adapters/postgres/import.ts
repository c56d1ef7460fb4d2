// Bulk import into PostgreSQL: COPY stages all records in one transaction that holds no lock of the log, then short
// ones move them.
import { settleWithin } from '../../lib/deadline.ts'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { Writable } from 'node:stream'
import createClient, { type Sql } from 'postgres'
import {
  CHUNK_EVENTS_MAX,
  CHUNK_SIZE_MAX,
  type ImportOptions,
  type ImportProgress,
  type NewRecord,
  type Records,
  checkFingerprint,
  oldStreamError,
} from '../../ports/store/import.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { storeError } from './errors.ts'
import type { Pool } from './pool.ts'

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
const CLEAN_ROWS_MAX = 20_000

type StagedImport = { readonly number: number; readonly at: ImportProgress }

/** Imports records: stages them whole or not at all, then moves them chunk by chunk. */
export async function* importRecords(
  target: ImportTarget,
  name: string,
  records: Records,
  { fingerprint, onlyNew = false }: ImportOptions,
): AsyncGenerator<ImportProgress> {
  const { number, at } = await stage(target, name, records, fingerprint, onlyNew)
  yield at
  for (let now = at; now.moved < now.total; ) {
    now = await moveChunk(target, number, onlyNew)
    yield now
  }
  for (;;) if ((await cleanUp(target, number)) < CLEAN_ROWS_MAX) return
}

/** Finds an import with its rows, or stages it. */
async function stage(
  { url, schema }: ImportTarget,
  name: string,
  records: Records,
  fingerprint: string,
  onlyNew: boolean,
): Promise<StagedImport> {
  const sql = connectForCopy(url)
  let recordsError: unknown = null
  try {
    return await sql.begin(async tx => {
      const text = `select * from ${schema}.import_begin_v1($1, $2)`
      const begun = (await tx.unsafe(text, [name, fingerprint]))[0]!
      const number = begun['import'] as number
      if (!begun['is_new']) {
        checkFingerprint(name, { fingerprint: begun['begun_with'] as string }, fingerprint)
        return { number, at: progressOf(begun) }
      }
      const columns = 'import, nth, stream, id, type, schema, data, meta'
      const into = await tx.unsafe(`copy ${schema}.import_rows (${columns}) from stdin`).writable()
      const { total, error } = await copyRecords(into, number, records)
      recordsError = error
      // The COPY is ended in order and then rolled back. Otherwise the connection would stay in the middle of a COPY.
      if (error !== null) throw error
      await tx.unsafe(`select ${schema}.import_staged_v1($1, $2)`, [number, total])
      const [old] = onlyNew ? await tx.unsafe(`select ${schema}.import_old_v1($1) as stream`, [number]) : []
      if (typeof old?.['stream'] === 'string') throw oldStreamError(old['stream'])
      return { number, at: { moved: 0, total, position: 0 } }
    })
  } catch (error) {
    throw recordsError !== null && error === recordsError ? error : storeError(error, 'unavailable')
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Writes all records as rows of COPY. `error`: the error of reading them. */
async function copyRecords(into: Writable, number: number, records: Records): Promise<{ total: number; error: unknown }> {
  let total = 0
  let error: unknown = null
  const failure = once(into, 'error').then(([cause]) => {
    throw cause
  })
  failure.catch(() => {})
  try {
    for await (const page of records()) {
      const text = page.map(record => rowOf(number, ++total, record)).join('')
      if (text !== '' && !into.write(text)) await Promise.race([inTime(once(into, 'drain')), failure])
    }
  } catch (cause) {
    if (into.destroyed) throw cause
    error = cause
  }
  into.end()
  await inTime(finished(into))
  return { total, error }
}

/** A row in COPY's text format. */
function rowOf(number: number, nth: number, { stream, id, type, schema, data, meta }: NewRecord): string {
  return `${number}\t${nth}\t${escapeText(stream)}\t${id}\t${escapeText(type)}\t${escapeText(schema)}\t${escapeText(data)}\t${escapeText(meta)}\n`
}

function escapeText(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(/[\\\t\n\r]/g, character => ESCAPES[character]!) : text
}
const SPECIAL = /[\\\t\n\r]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/**
 * Moves the next chunk. A statement whose answer was lost is sent again: the server knows the progress of the import.
 */
async function moveChunk(
  { writer, schema, lockTimeoutMs }: ImportTarget,
  number: number,
  onlyNew: boolean,
): Promise<ImportProgress> {
  const text = `select * from ${schema}.import_chunk_v1($1, $2, $3, $4, $5)`
  const parameters = [number, CHUNK_EVENTS_MAX, CHUNK_SIZE_MAX, onlyNew, lockTimeoutMs]
  for (const until = performance.now() + RETRY_FOR_MS; ; ) {
    try {
      const [row] = await writer.run(sql => sql.unsafe(text, parameters, { prepare: true }), { reasonIfLost: 'unknown' })
      if (typeof row!['refused'] === 'string') throw oldStreamError(row!['refused'])
      return progressOf(row!)
    } catch (error) {
      const isForNow = error instanceof StoreError && (error.reason === 'unavailable' || error.reason === 'unknown')
      if (!isForNow || performance.now() > until) throw error
      await Bun.sleep(RETRY_MS)
    }
  }
}

async function cleanUp({ writer, schema }: ImportTarget, number: number): Promise<number> {
  const text = `select ${schema}.import_clean_v1($1, $2) as many`
  const [row] = await writer.run(sql => sql.unsafe(text, [number, CLEAN_ROWS_MAX]))
  return row!['many'] as number
}

function progressOf({ moved, total, position }: { readonly [column: string]: unknown }): ImportProgress {
  return { moved: moved as number, total: total as number, position: position as number }
}

/** A connection of its own: COPY takes as long as the file needs, and a statement's deadline is shorter. */
function connectForCopy(url: string): Sql {
  return createClient(url, {
    max: 1,
    prepare: false,
    fetch_types: false,
    connect_timeout: 3,
    max_lifetime: null,
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    connection: { application_name: 'emaki import' },
  }) as unknown as Sql
}

/** Rejects if nothing happens in time. postgres.js would wait for ever on a connection that hangs without closing. */
function inTime<T>(promise: Promise<T>): Promise<T> {
  const late = () => new StoreError('unavailable', `PostgreSQL took no more records within ${STAGE_DEADLINE_MS} ms`)
  return settleWithin(STAGE_DEADLINE_MS, promise, late)
}
