import { SQLiteError } from 'bun:sqlite'
import { StoreError } from '../../ports/store/errors.ts'

/** Whether another process holds what was asked for, so that the same may work in a moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code ?? '')
}

/** What an error of SQLite or of the file system means; any other is given back as it is. */
export function storeError(file: string, error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const { code } = error as { readonly code?: string }
  if (!(error instanceof SQLiteError) && !/^E[A-Z]+$/.test(code ?? '')) return error
  return new StoreError(reasonOf(code ?? ''), `${file}: ${error.message}${code ? ` (${code})` : ''}`, { cause: error })
}

/**
 * What a code of SQLite or of the file system means.
 * A failed statement was rolled back before it came here, so nothing was appended. But where the disk would not confirm a commit, its
 * frames are in the write-ahead log, and a crash before the next append would bring them back.
 */
export function reasonOf(code: string): StoreError['reason'] {
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code)) return 'full'
  if (/^SQLITE_IOERR_(FSYNC|DIR_FSYNC)/.test(code)) return 'unknown'
  return /^(SQLITE_(BUSY|LOCKED|IOERR|READONLY|CANTOPEN|NOMEM|PERM|AUTH)|E[A-Z]+$)/.test(code) ? 'unavailable' : 'refused'
}
