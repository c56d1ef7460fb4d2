// Counts how many events wait for the subscriptions that this process runs, for the detectors.
import { LAG_LEAST, LOG_SCALE } from '../definitions/detector/delay-detection.ts'
import { sampleSubject } from '../definitions/detector/subjects.ts'
import type { WatchedSubscription } from './count-delays.ts'

type Lagging = { readonly name: string; readonly isOwner: boolean; readonly lagEvents: number }

/** Makes a function that looks at the lag of these subscriptions once at each call, where this process runs them. */
export function lagCounter(
  subscriptions: { readonly all: readonly Lagging[] },
  watched: readonly WatchedSubscription[],
): () => ReadonlyMap<string, number> {
  const totals = new Map<string, number>()
  const add = (subject: string, more: number) => totals.set(subject, (totals.get(subject) ?? 0) + more)
  return () => {
    const names = Map.groupBy(watched, ({ serving }) => serving())
    for (const { name, isOwner, lagEvents } of subscriptions.all)
      for (const one of isOwner ? new Set(names.get(name)?.map(({ name }) => name)) : []) {
        add(sampleSubject('lag', one), 1)
        add(sampleSubject('lag-logs', one), Math.round(Math.log(lagEvents + LAG_LEAST) * LOG_SCALE))
      }
    return new Map(totals)
  }
}
