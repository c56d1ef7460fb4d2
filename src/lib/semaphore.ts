/** How long one may wait for its turn, and what it is rejected with after that. */
export type Patience = { readonly waitMs: number; readonly late: () => Error }

/** Runs at most so many at once. The others wait for their turn, in the order in which they came; without patience, however long it takes. */
export function atOnce(max: number): <T>(run: () => Promise<T>, patience?: Patience) => Promise<T> {
  const waiting = new Set<() => void>()
  let running = 0
  return async (run, patience) => {
    if (running === max) await turn(waiting, patience)
    else running++
    try {
      return await run()
    } finally {
      // Whoever is next has this one's place, so that nobody comes in between.
      const [next] = waiting
      if (next) next()
      else running--
    }
  }
}

function turn(waiting: Set<() => void>, patience: Patience | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = () => {
      clearTimeout(timer)
      waiting.delete(next)
      resolve()
    }
    const giveUp = ({ late }: Patience) => {
      waiting.delete(next)
      reject(late())
    }
    const timer = patience && setTimeout(giveUp, patience.waitMs, patience)
    waiting.add(next)
  })
}
