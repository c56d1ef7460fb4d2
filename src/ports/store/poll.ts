// Calls a function again and again, less often while nothing happens.
import type { Episode } from '../report/episode.ts'
import { sleep as machineSleep } from '../../lib/sleep.ts'

export { sleep as slept } from '../../lib/sleep.ts'

/** The waits between two calls, in ms: the first, the longest, and the longest after a failure. */
const BUSY_MS = 5
const IDLE_MS = 50
const FAILED_MS = 1_000
/** The factor by which each wait grows while nothing happens. */
const GROWTH = 1.25

export type PollOptions = {
  /** Waits this many ms, or until the signal is aborted. Default: the machine's clock. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  /** Records that calls throw, and that they do no longer. */
  readonly failing?: Episode | null
}

/**
 * Calls `ask` until it is ended: every 5 ms while it returns true, less and less often up to 50 ms while it returns
 * false, and up to 1 s while it throws. One call at a time. Gives the function that ends it, which resolves when the
 * last call has ended.
 */
export function poll(
  ask: () => boolean | Promise<boolean>,
  { sleep = machineSleep, failing = null }: PollOptions = {},
): () => Promise<void> {
  const ending = new AbortController()
  const loop = async () => {
    for (let wait = BUSY_MS; !ending.signal.aborted; ) {
      wait = await askOnce(ask, wait, failing)
      await sleep(wait, ending.signal)
    }
  }
  const ended = loop()
  return () => {
    ending.abort()
    return ended
  }
}

async function askOnce(ask: () => boolean | Promise<boolean>, waited: number, failing: Episode | null): Promise<number> {
  try {
    const isBusy = await ask()
    failing?.succeed()
    return isBusy ? BUSY_MS : Math.min(IDLE_MS, waited * GROWTH)
  } catch (error) {
    failing?.fail(error)
    return Math.min(FAILED_MS, waited * 2)
  }
}
