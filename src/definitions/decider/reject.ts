import { type JsonOnly, spec } from '../event/events.ts'
import { encode, stripUndefined } from '../event/payload.ts'

/** A refusal returned by `decide`: an expected outcome, not an exception. */
export type Rejection = { readonly code: string; readonly data?: unknown; readonly [spec]: 'rejection' }

/**
 * Refuses a command. `code` is stable, in kebab-case, of at most 63 characters; `data` gives details for the caller.
 * Throws a TypeError for any other code, and a PayloadError for data that JSON would change, as in an event.
 */
export function reject<D>(code: string, data?: D & JsonOnly<D>): Rejection {
  if (!isCode(code)) throw new TypeError(`reject('${code}'): a code is in kebab-case`)
  if (data === undefined) return { code, [spec]: 'rejection' }
  const rejection = { code, data: stripUndefined<unknown>(data) }
  // Checked as it is stored with a key, so that a command without one gets the same answer.
  encode(rejection)
  return { ...rejection, [spec]: 'rejection' }
}

/** Whether a text can be the code of a rejection. */
export function isCode(code: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(code)
}
