import { SQLiteError } from 'bun:sqlite'
import { PageRefused, RunFailure } from '../../ports/read-model/page-refused.ts'
import { StoreError } from '../../ports/store/errors.ts'

/** Whether another process has the lock, so that the same call may work in a moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code ?? '')
}

/** Converts an error of SQLite or of the file system to a StoreError. Gives any other error back unchanged. */
export function storeError(file: string, error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const { code } = error as { readonly code?: string }
  if (!(error instanceof SQLiteError) && !/^E[A-Z]+$/.test(code ?? '')) return error
  const shown = SHOWN.find(([codes]) => codes.test(code ?? ''))?.[1]
  return new StoreError(reasonOf(code ?? ''), `${file}: ${error.message}${code ? ` (${code})` : ''}`, { cause: error, shown })
}

/** Codes of values that cannot be stored: a broken constraint, a value of another type, one that is too large. */
const VALUES = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** Divides the errors of a page into those of the store, which may pass, and those of the page, which never do. */
export function pageError(error: unknown): unknown {
  if (error instanceof RunFailure) {
    const failed = error.cause instanceof SQLiteError ? (storeError('what the page runs', error.cause) as StoreError) : null
    if (failed && failed.reason !== 'refused') return failed
    return new PageRefused('what the page runs has failed', { cause: error.cause })
  }
  if (!(error instanceof StoreError) || error.reason !== 'refused') return error
  const { code = '' } = (error.cause ?? {}) as { readonly code?: string }
  return VALUES.test(code) ? new PageRefused(error.message, { cause: error }) : error
}

/**
 * The reason for a code of SQLite or of the file system.
 * A failed statement was already rolled back, so nothing was appended. But if the disk did not confirm a commit, its
 * frames are in the write-ahead log, and a crash before the next append would bring them back.
 */
export function reasonOf(code: string): StoreError['reason'] {
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code)) return 'full'
  if (/^SQLITE_IOERR_(FSYNC|DIR_FSYNC)/.test(code)) return 'unknown'
  return /^(SQLITE_(BUSY|LOCKED|IOERR|READONLY|CANTOPEN|NOMEM|PERM|AUTH)|E[A-Z]+$)/.test(code) ? 'unavailable' : 'refused'
}

/** What anybody may see of an error, by its code. */
const SHOWN: readonly (readonly [RegExp, string])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'the disk of the store is full'],
  [/^(SQLITE_READONLY|EROFS|EACCES|EPERM)/, 'the file of the log is read-only'],
]
