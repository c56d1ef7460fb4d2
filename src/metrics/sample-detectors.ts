// Samples what the detectors of an app watch besides events.
import type { Definitions } from '../definitions/definition.ts'
import { isDetector } from '../definitions/detector/detector.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { subjectCounter } from './count-subjects.ts'
import type { Metrics } from './registry.ts'
import { Sampler } from './sampler.ts'

type Sampling = {
  readonly definitions: Pick<Definitions, 'decider' | 'projection'>
  readonly store: Pick<Store, 'samples'>
  readonly metrics: Metrics
  readonly now: () => number
  readonly report: Report
  /** Names this process. */
  readonly owner: string
}

/** Makes the sampler of an app. Null: no detector of it watches a decider. */
export function sampleForDetectors({ definitions, store, metrics, owner, ...shared }: Sampling): Sampler | null {
  const detectors = [...definitions.projection.values()].filter(isDetector)
  const watched = [...definitions.decider.keys()].filter(name => detectors.some(({ families }) => families.has(name)))
  if (watched.length === 0) return null
  return new Sampler({ ...shared, samples: store.samples, writer: owner, count: subjectCounter(metrics, new Set(watched)) })
}
