// A page that is written in many turns of the event loop: a transaction on a connection of its own. Meanwhile reads go
// on, and whoever writes waits as for another process.
import { Database } from 'bun:sqlite'
import type { NewPage, NewRow } from '../../ports/read-model/progress.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { syncAgenda } from './agenda.ts'
import { pageWriter } from './page.ts'
import { Statements } from './statements.ts'

/** The open transaction of a page. Its end without a commit rolls it back. */
export type LongPage = Disposable & {
  /** Whether the checkpoint was moved. If not, another owner has taken over, and nothing may be written. */
  readonly isGuarded: boolean
  readonly writeRows: (rows: readonly NewRow[]) => void
  /** Writes everything but rows, and commits. False: it was a trial. */
  readonly commit: () => boolean
}

export type LongPageOptions = { readonly file: string; readonly now: () => number; readonly tables: ReadonlyMap<string, Table> }

/** Begins a long page. Throws if another connection is writing. */
export function beginLongPage({ file, now, tables }: LongPageOptions, page: NewPage): LongPage {
  using opening = new DisposableStack()
  const db = opening.use(new Database(file, { readwrite: true, strict: true }))
  db.run('pragma busy_timeout = 0')
  db.run(`pragma synchronous = ${page.isRebuildable ? 'normal' : 'full'}`)
  const statements = opening.use(new Statements(db))
  const writer = pageWriter({ db, statements, now, tables, agenda: syncAgenda(db, statements, now) })
  db.run('begin immediate')
  opening.defer(() => void (db.inTransaction && db.run('rollback')))
  const isGuarded = writer.guard(page)
  const resources = opening.move()
  return {
    isGuarded,
    writeRows: rows => writer.writeRows(page, rows),
    commit: () => {
      writer.finish(page)
      db.run(page.isTrial ? 'rollback' : 'commit')
      return !page.isTrial
    },
    [Symbol.dispose]: () => resources.dispose(),
  }
}
