// Counts how long events waited for their effects, from the registry, for the detectors.
import { LOG_SCALE } from '../definitions/detector/delay-detection.ts'
import { sampleSubject } from '../definitions/detector/subjects.ts'
import { METRICS } from '../ports/metrics/table.ts'
import type { Buckets, Metrics } from './registry.ts'

const DELAY = 'emaki.subscription.delay'

export type WatchedSubscription = {
  /** `order.orders`: a family that it reads, and its definition. */
  readonly name: string
  /** The name of the subscription that serves now. Null: none does. */
  readonly serving: () => string | null
}

/**
 * Makes a function that counts the delays of these subscriptions. A version that is being filled is left out: its events
 * are old. So what is counted is added up as it comes, and not read as the sum of a series.
 */
export function delayCounter(metrics: Metrics, watched: readonly WatchedSubscription[]): () => ReadonlyMap<string, number> {
  const seen = new Map<string, Delays>()
  const totals = new Map<string, number>()
  const add = (subject: string, more: number) => totals.set(subject, (totals.get(subject) ?? 0) + more)
  return () => {
    const names = Map.groupBy(watched, ({ serving }) => serving())
    for (const { values, counted } of metrics.kept(DELAY)) {
      const [series = ''] = values
      const now = delaysOf(counted as Buckets)
      const before = seen.get(series) ?? { count: 0, logs: 0 }
      seen.set(series, now)
      if (now.count === before.count) continue
      for (const name of new Set(names.get(series)?.map(one => one.name))) {
        add(sampleSubject('delay', name), now.count - before.count)
        add(sampleSubject('delay-logs', name), now.logs - before.logs)
      }
    }
    return new Map(totals)
  }
}

type Delays = { readonly count: number; readonly logs: number }

function delaysOf({ counts }: Buckets): Delays {
  const add = (sum: Delays, count: number, i: number) => ({ count: sum.count + count, logs: sum.logs + count * LOGS[i]! })
  return counts.reduce(add, { count: 0, logs: 0 })
}

/** What a delay of each bucket counts as: the logarithm of its geometric middle in µs, in thousandths. */
const LOGS = logsOf(METRICS[DELAY].bounds)

function logsOf(bounds: readonly number[]): readonly number[] {
  const [first, last] = [bounds[0]!, bounds.at(-1)!]
  const middles = [first / 2, ...bounds.slice(1).map((bound, i) => Math.sqrt(bound * bounds[i]!)), last * 2]
  return middles.map(seconds => Math.round(Math.log(seconds * 1_000_000) * LOG_SCALE))
}
