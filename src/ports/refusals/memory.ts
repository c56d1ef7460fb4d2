// Refusals in memory: the shortest description of the promises of every store's.
import type { NewRefusal, Refusals } from './refusals.ts'

export function memoryRefusals(): Refusals {
  /** The newest first. */
  let kept: readonly NewRefusal[] = []
  return {
    add: async refusals => {
      kept = [...refusals.toReversed(), ...kept]
    },
    list: async ({ command, code, actor, since, limit }) =>
      kept
        .filter(
          one =>
            one.at >= since &&
            (command === undefined || one.command === command) &&
            (code === undefined || one.code === code) &&
            (actor === undefined || one.actor === actor),
        )
        .slice(0, limit)
        .map(one => ({ ...one, at: new Date(one.at).toISOString() })),
    forget: async ({ after, ofKind, all }) => {
      const before = kept.length
      const newest = Map.groupBy(kept, ({ command, code }) => JSON.stringify([command, code]))
      const within = new Set([...newest.values()].flatMap(kind => kind.slice(0, ofKind)))
      kept = kept.slice(0, all).filter(one => one.at >= after && within.has(one))
      return before - kept.length
    },
  }
}
