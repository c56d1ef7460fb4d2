// The writes of a page on one connection. Its guarded checkpoint decides whether it writes anything.
import type { Database } from 'bun:sqlite'
import { PAUSE_MS, PAUSED_OWNER } from '../../ports/read-model/leases.ts'
import type { NewPage, NewRow } from '../../ports/read-model/progress.ts'
import { RunFailure } from '../../ports/read-model/page-refused.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import type { SyncAgenda } from './agenda.ts'
import type { Statements } from './statements.ts'
import { writeRows as writeTableRows } from './row-writer.ts'

/** The steps of a page, within a transaction of the caller. */
export type PageWriter = {
  /** Moves the checkpoint. False: another owner did, so nothing else may be written. */
  readonly guard: (page: NewPage) => boolean
  readonly writeRows: (page: NewPage, rows: readonly NewRow[]) => void
  /** Writes everything but rows. */
  readonly finish: (page: NewPage) => void
  /** All steps. */
  readonly write: (page: NewPage) => boolean
}

export type PageWriterOptions = {
  readonly db: Database
  readonly statements: Statements
  readonly now: () => number
  readonly agenda: SyncAgenda
  readonly tables: ReadonlyMap<string, Table>
}

export function pageWriter({ db, statements, now, agenda, tables }: PageWriterOptions): PageWriter {
  const change = (sql: string, ...values: (string | number | null)[]) => statements.get(sql).run(...values).changes

  function guard({ name, epoch, from, to }: NewPage): boolean {
    const sql = 'update checkpoints set position = ?, saved_at = ? where name = ? and epoch = ? and position = ?'
    return change(sql, to, now(), name, epoch, from) > 0
  }

  function writeRows(page: NewPage, rows: readonly NewRow[]): void {
    if (!rows.length) return
    writeTableRows(statements, tables.get(page.table ?? page.name)!, rows, page)
  }

  function finish(page: NewPage): void {
    const { name, epoch, to, ttlMs } = page
    if (page.agenda) agenda.change(page.agenda)
    for (const { kind, key } of page.unpark) change('delete from parked where name = ? and kind = ? and key = ?', name, kind, key)
    for (const { kind, key, position, cause, retrySince, reader = null } of page.park)
      change(
        'insert or replace into parked (name, kind, key, position, cause, at, again, reader) values (?, ?, ?, ?, ?, ?, ?, ?)',
        ...[name, kind, key, position, cause, retrySince ?? now(), retrySince === undefined ? null : 'whole', reader],
      )
    runNow(page, db)
    if (page.pauses) return pause(page)
    change('update leases set until = ? where name = ? and epoch = ? and owner is not null', now() + ttlMs, name, epoch)
    change('update leases set suspect_position = null, suspect_key = null where name = ? and suspect_position <= ?', name, to)
  }

  /** Gives the lease to nobody's process, for ever. */
  function pause({ name, epoch, to }: NewPage): void {
    change('update checkpoints set epoch = epoch + 1 where name = ?', name)
    change(
      `update leases set epoch = epoch + 1, owner = ?, until = ?, position = ?, takeovers = 0, suspect_position = null, suspect_key = null
       where name = ? and epoch = ?`,
      ...[PAUSED_OWNER, now() + PAUSE_MS, to, name, epoch],
    )
  }

  function write(page: NewPage): boolean {
    if (!guard(page)) return false
    writeRows(page, page.rows)
    finish(page)
    return true
  }

  return { guard, writeRows, finish, write }
}

/**
 * Runs the statements of a page. If `run` turns out to be asynchronous, it throws, and the writes so far are rolled
 * back.
 */
function runNow({ name, run }: NewPage, db: Database): void {
  let result: unknown
  try {
    result = run?.(db)
  } catch (error) {
    throw new RunFailure(error)
  }
  if (!(result instanceof Promise)) return
  result.catch(() => {})
  throw new RunFailure(new TypeError(`${name}: what runs in a transaction of SQLite may not be asynchronous`))
}
