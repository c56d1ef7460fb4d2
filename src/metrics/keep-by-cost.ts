// Keeps an answer for as long as it is worth, so that scrapes cost the store no more than a share of its time.
import { settleWithin } from '../lib/deadline.ts'

/** How long an answer is kept, in ms, at least; and how many times as long as it took to make. */
const KEEP_MS = 1_000
const KEEP_TIMES = 100
/** How long a caller waits for a new answer, in ms. Then it gets the last one. */
const WAIT_MS = 1_000

type Clock = { readonly now?: () => number; readonly waitMs?: number }

/**
 * Makes a function that asks at most for a hundredth of the time, and at most once a second. An answer that takes long
 * is made while callers get the one before it. Null: the first one is still being made. Rejects with the last failure.
 */
export function keepByCost<T>(
  ask: () => Promise<T>,
  { now = () => performance.now(), waitMs = WAIT_MS }: Clock = {},
): () => Promise<T | null> {
  let known: { readonly answer: T; readonly until: number } | null = null
  let failure: unknown = null
  let asking: Promise<void> | null = null
  const renew = async () => {
    const began = now()
    try {
      const answer = await ask()
      known = { answer, until: now() + Math.max(KEEP_MS, KEEP_TIMES * (now() - began)) }
      failure = null
    } catch (error) {
      failure = error
    }
    asking = null
  }
  return async () => {
    if (failure === null && known && now() <= known.until) return known.answer
    asking ??= renew()
    await settleWithin(waitMs, asking, () => new Error('late')).catch(() => {})
    if (failure !== null) throw failure
    return known?.answer ?? null
  }
}
