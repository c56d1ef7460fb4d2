import { type Duration, milliseconds } from '../event/duration.ts'
import { type JsonOnly, spec } from '../event/events.ts'
import { encode, stripUndefined } from '../event/payload.ts'

/** A refusal returned by `decide`: an expected outcome, not an exception. `afterMs`: it holds only for so long. */
export type Rejection = {
  readonly code: string
  readonly data?: unknown
  readonly afterMs?: number
  readonly [spec]: 'rejection'
}

type Reject = {
  <D>(code: string, data?: D & JsonOnly<D>): Rejection
  /**
   * Refuses a command for now: it came too early. Nothing remembers this refusal, so the same command may be sent again
   * with the same key, and is decided anew. Processes, processors and scheduled commands send it again by themselves;
   * a webhook is asked to.
   * `after`: how long to wait before that, at most a day. Throws a TypeError for any other time, and what `reject` throws.
   *
   * @example
   * if (!order.isPlaced) return reject.later('not-placed', { after: '1 minute' })
   */
  readonly later: <D>(code: string, options: { readonly after: Duration; readonly data?: D & JsonOnly<D> }) => Rejection
}

const AFTER_MS_MAX = 86_400_000

/**
 * Refuses a command. `code` is stable, in kebab-case, of at most 63 characters; `data` gives details for the caller.
 * Throws a TypeError for any other code, and a PayloadError for data that JSON would change, as in an event.
 */
export const reject: Reject = Object.assign(rejectForGood, { later: rejectForNow })

function rejectForGood(code: string, data?: unknown): Rejection {
  if (!isCode(code)) throw new TypeError(`reject('${code}'): a code is in kebab-case`)
  if (data === undefined) return { code, [spec]: 'rejection' }
  const rejection = { code, data: stripUndefined(data) }
  // Checked as it is stored with a key, so that a command without one gets the same answer.
  encode(rejection)
  return { ...rejection, [spec]: 'rejection' }
}

function rejectForNow(code: string, { after, data }: { readonly after: Duration; readonly data?: unknown }): Rejection {
  const afterMs = milliseconds(after)
  if (!(afterMs > 0 && afterMs <= AFTER_MS_MAX))
    throw new TypeError(`reject.later('${code}'): expected an after of at most 1 day, found ${JSON.stringify(after)}`)
  return { ...rejectForGood(code, data), afterMs }
}

/** Whether a text can be the code of a rejection. */
export function isCode(code: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(code)
}
