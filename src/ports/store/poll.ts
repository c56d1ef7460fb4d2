// Asking again and again, as often as it is worth.
import { sleep as machineSleep } from '../../lib/sleep.ts'

export { sleep as slept } from '../../lib/sleep.ts'

/** How long to wait before it is asked again: at first, at most, and after a failure at most; in ms. */
const BUSY_MS = 5
const IDLE_MS = 50
const FAILED_MS = 1_000
/** How much longer each wait is than the one before, for as long as nothing happens. */
const GROWTH = 1.25

export type PollOptions = {
  /** Waits so many ms, or until it is stopped. Default: the machine's clock. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Asks until it is ended: every 5 ms while `ask` says that something happened, ever more seldom up to 50 ms while nothing does, and
 * up to 1 s while it throws. One question at a time. Gives what ends it, which resolves when the last question is answered.
 */
export function poll(ask: () => boolean | Promise<boolean>, { sleep = machineSleep }: PollOptions = {}): () => Promise<void> {
  const ending = new AbortController()
  const loop = async () => {
    for (let wait = BUSY_MS; !ending.signal.aborted; ) {
      wait = await askOnce(ask, wait)
      await sleep(wait, ending.signal)
    }
  }
  const ended = loop()
  return () => {
    ending.abort()
    return ended
  }
}

async function askOnce(ask: () => boolean | Promise<boolean>, waited: number): Promise<number> {
  try {
    return (await ask()) ? BUSY_MS : Math.min(IDLE_MS, waited * GROWTH)
  } catch {
    // That the store cannot be reached is reported elsewhere.
    return Math.min(FAILED_MS, waited * 2)
  }
}
