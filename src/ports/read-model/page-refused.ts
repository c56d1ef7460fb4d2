import { StoreError } from '../store/errors.ts'

/**
 * Why a page can never be written: it holds a value that no store can keep, or what it runs has failed. Nothing of it was
 * written, and the store is well, so a part of the page may be written. `cause` is the error of the store or of `run`.
 */
export class PageRefused extends Error {
  override readonly name = 'PageRefused'
}

/** The error that the `run` of a page threw, kept apart from errors of the database. No `commit` throws it. */
export class RunFailure extends StoreError {
  constructor(cause: unknown) {
    super('refused', 'what a page runs has failed', { cause })
  }
}
