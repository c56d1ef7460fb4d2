// Turns on the streams of a log that several processes of a test share, first come, first served.
import type { Store } from '../ports/store/store.ts'

/** A log that gives turns, and the order in which they were taken. */
export function shareTurns(log: Store): {
  readonly log: Store
  readonly taken: readonly string[]
  readonly waiting: () => number
} {
  const ends = new Map<string, Promise<void>>()
  const taken: string[] = []
  let waiting = 0
  const takeTurn = async (stream: string) => {
    const before = ends.get(stream)
    const { promise, resolve } = Promise.withResolvers<void>()
    ends.set(stream, promise)
    waiting++
    await before
    waiting--
    taken.push(stream)
    return resolve
  }
  return { log: { ...log, takeTurn }, taken, waiting: () => waiting }
}
