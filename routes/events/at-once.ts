/** Runs at most so many at once. The others wait for their turn, in the order in which they came, however long it takes. */
export function atOnce(max: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async run => {
    if (running === max) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await run()
    } finally {
      // Whoever is next has this one's place, so that nobody comes in between.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
