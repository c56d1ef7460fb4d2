// Pages of many subscriptions in one transaction, each whole or not at all.
import type { Database } from 'bun:sqlite'
import { Turn } from '../../lib/turns.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { storeError } from './errors.ts'
import type { PageWriter } from './page.ts'

/** What became of a page. `isWritten` is false if another owner has taken over. */
export type PageOutcome = { readonly isWritten: boolean } | { readonly error: unknown }

/**
 * Makes the function that commits pages in their order, until its turn of the event loop is over: it gives an outcome
 * for each page that it took, one at least. A page that cannot be written fails alone. A failure of the file fails all.
 */
export function groupCommit(db: Database, writer: PageWriter): (pages: readonly NewPage[]) => readonly PageOutcome[] {
  // A transaction within another is a savepoint.
  const writeWhole = db.transaction((page: NewPage) => {
    const isWritten = writer.write(page)
    if (page.isTrial) throw UNDO
    return isWritten
  })
  function writeOne(page: NewPage): PageOutcome {
    try {
      return { isWritten: writeWhole(page) }
    } catch (error) {
      if (error === UNDO) return { isWritten: false }
      if (!db.inTransaction || !isOfPage(error)) throw error
      return { error }
    }
  }
  const writeGroup = db.transaction((pages: readonly NewPage[]) => {
    const turn = new Turn()
    const outcomes: PageOutcome[] = []
    for (const page of pages) {
      if (outcomes.length && turn.isOver) break
      outcomes.push(writeOne(page))
    }
    return outcomes
  }).immediate
  return pages =>
    pages.every(({ isRebuildable }) => isRebuildable) ? withoutSync(db, () => writeGroup(pages)) : writeGroup(pages)
}

/**
 * Runs transactions that do not wait for the disk. They are in the write-ahead log before all that follow, and the next
 * synced one takes them to the disk. So a loss of power takes back the last of them, in order, and nothing synced.
 */
export function withoutSync<T>(db: Database, run: () => T): T {
  db.run('pragma synchronous = normal')
  try {
    return run()
  } finally {
    db.run('pragma synchronous = full')
  }
}

/** Thrown in a trial, so that it is rolled back. */
const UNDO = new Error('a trial is rolled back')

/** Whether another page could be written all the same. */
function isOfPage(error: unknown): boolean {
  const converted = storeError('', error)
  return !(converted instanceof StoreError) || converted.reason === 'refused'
}
