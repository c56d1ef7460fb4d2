import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { PageRefused, RunFailure } from '../../ports/read-model/page-refused.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { pageError, storeError } from './errors.ts'

/** An error of SQLite, with another code. */
function sqliteError(code: string): Error {
  try {
    new Database(':memory:').run('no statement')
  } catch (error) {
    return Object.create(error as Error, { code: { value: code }, message: { value: 'failed' } }) as Error
  }
  throw new Error('SQLite took what is no statement')
}
const meaningOf = (error: unknown) =>
  error instanceof StoreError ? error.reason : error instanceof PageRefused ? 'page' : 'other'

describe('an error of a page on SQLite', () => {
  const meanings = {
    SQLITE_CONSTRAINT_TRIGGER: 'page',
    SQLITE_TOOBIG: 'page',
    SQLITE_MISMATCH: 'page',
    SQLITE_FULL: 'full',
    SQLITE_BUSY: 'unavailable',
    SQLITE_IOERR_WRITE: 'unavailable',
    SQLITE_CORRUPT: 'refused',
    SQLITE_ERROR: 'refused',
  }
  test.each(Object.entries(meanings))('an error of a page on SQLite with code %s is of %s', (code, meaning) => {
    expect(meaningOf(pageError(storeError('log.db', sqliteError(code))))).toBe(meaning)
  })

  test.each([
    ['SQLITE_ERROR', 'page'],
    ['SQLITE_CONSTRAINT', 'page'],
    ['SQLITE_FULL', 'full'],
    ['SQLITE_BUSY', 'unavailable'],
  ])('an error of the statements of a page on SQLite with code %s is of %s', (code, meaning) => {
    expect(meaningOf(pageError(new RunFailure(sqliteError(code))))).toBe(meaning)
  })

  test('an error that the code of a page throws is of the page, with the error as its cause', () => {
    const cause = Object.assign(new Error('no such file'), { code: 'ENOENT' })
    const error = pageError(new RunFailure(cause))
    expect([meaningOf(error), (error as Error).cause]).toEqual(['page', cause])
  })
})
