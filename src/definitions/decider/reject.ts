import { spec } from '../event/events.ts'

/** A refusal returned by `decide`: an expected outcome, not an exception. */
export type Rejection = { readonly code: string; readonly data?: unknown; readonly [spec]: 'rejection' }

/**
 * Refuses a command. `code` is stable, in kebab-case, of at most 63 characters; `data` gives details for the caller.
 * Throws a TypeError for any other code.
 */
export function reject(code: string, data?: unknown): Rejection {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(code)) throw new TypeError(`reject('${code}'): a code is in kebab-case`)
  return data === undefined ? { code, [spec]: 'rejection' } : { code, data, [spec]: 'rejection' }
}
