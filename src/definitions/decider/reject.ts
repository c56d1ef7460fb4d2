import { spec } from '../event/events.ts'

/** A refusal returned by `decide`: an expected outcome, not an exception. */
export type Rejection = { readonly code: string; readonly data?: unknown; readonly [spec]: 'rejection' }

/** Refuses a command. `code` is stable and in kebab-case; `data` says what the caller needs to know. */
export function reject(code: string, data?: unknown): Rejection {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(code)) throw new TypeError(`reject('${code}'): a code is in kebab-case`)
  return data === undefined ? { code, [spec]: 'rejection' } : { code, data, [spec]: 'rejection' }
}
