// Samples what the detectors of an app watch besides events.
import type { Definitions } from '../definitions/definition.ts'
import { type DetectorSpec, isDetector } from '../definitions/detector/detector.ts'
import type { Families } from '../definitions/event/families.ts'
import { subscriptionOf as subscriptionOfProcess } from '../definitions/process/instance.ts'
import { subscriptionOf } from '../definitions/projection/sql-projection.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import { delayCounter, type WatchedSubscription } from './count-delays.ts'
import { lagCounter } from './count-lags.ts'
import { subjectCounter } from './count-subjects.ts'
import type { Metrics } from './registry.ts'
import { Sampler } from './sampler.ts'

type Sampling = {
  readonly definitions: Definitions
  readonly store: Pick<Store, 'samples'>
  readonly metrics: Metrics
  readonly now: () => number
  readonly report: Report
  /** Names this process. */
  readonly owner: string
}

/** Makes the sampler of an app. Null: no detector of it watches a decider or a subscription. */
export function sampleForDetectors(
  { definitions, store, metrics, owner, ...shared }: Sampling,
  subscriptions: Pick<Subscriptions, 'versionsOf' | 'all'>,
): Sampler | null {
  const detectors = [...definitions.projection.values()].filter(isDetector)
  const deciders = [...definitions.decider.keys()].filter(name => detectors.some(({ families }) => families.has(name)))
  const watched = detectors.flatMap(detector => subscriptionsFor(detector, definitions, subscriptions))
  if (deciders.length + watched.length === 0) return null
  const counters = [
    subjectCounter(metrics, new Set(deciders)),
    delayCounter(metrics, watched),
    lagCounter(subscriptions, watched),
  ]
  const count = () => new Map(counters.flatMap(count => [...count()]))
  return new Sampler({ ...shared, samples: store.samples, writer: owner, count })
}

/** The subscriptions that read a family of a detector, each by the first of these. */
function subscriptionsFor(
  { families }: DetectorSpec,
  definitions: Definitions,
  subscriptions: Pick<Subscriptions, 'versionsOf'>,
): readonly WatchedSubscription[] {
  const watch = (name: string, read: Families, serving: () => string | null): readonly WatchedSubscription[] => {
    const family = [...families.keys()].find(one => read.has(one))
    return family === undefined ? [] : [{ name: `${family}.${name}`, serving }]
  }
  const kept = [...definitions.projection.values()].filter(({ live }) => !live)
  return [
    ...kept.flatMap(one => watch(one.name, one.families, () => subscriptions.versionsOf(one.name).serving?.table.name ?? null)),
    ...[...definitions.processor.values()].flatMap(one => watch(one.name, one.families, () => one.name)),
    ...[...definitions['sql-projection'].values()].flatMap(one => watch(one.name, one.families, () => subscriptionOf(one))),
    ...[...definitions.process.values()].flatMap(one => watch(one.name, one.families, () => subscriptionOfProcess(one))),
  ]
}
