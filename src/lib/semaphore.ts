/** How long a caller waits for its turn, in ms, and the error it gets after that. */
export type Patience = { readonly waitMs: number; readonly lateError: () => Error }

/**
 * Runs at most so many functions at once. Others wait in order of arrival; without a `patience`, however long it takes.
 */
export function limitConcurrency(max: number): <T>(run: () => Promise<T>, patience?: Patience) => Promise<T> {
  const waiting = new Set<() => void>()
  let running = 0
  return async (run, patience) => {
    if (running === max) await waitForTurn(waiting, patience)
    else running++
    try {
      return await run()
    } finally {
      // The next caller gets this place, so that no newcomer takes it.
      const [next] = waiting
      if (next) next()
      else running--
    }
  }
}

function waitForTurn(waiting: Set<() => void>, patience: Patience | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = () => {
      clearTimeout(timer)
      waiting.delete(next)
      resolve()
    }
    const giveUp = ({ lateError }: Patience) => {
      waiting.delete(next)
      reject(lateError())
    }
    const timer = patience && setTimeout(giveUp, patience.waitMs, patience)
    waiting.add(next)
  })
}
