// Measures what goes through the ports: the steps of a trace, and what operators are told.
import { brokenPromiseOf, PROMISE_NAMES } from '../ports/report/broken-promise.ts'
import { Notice, type Report, watchReport } from '../ports/report/notice.ts'
import { subjectNameOf } from '../ports/report/subjects.ts'
import type { Attributes, StepName, Trace, TraceContext } from '../ports/trace/trace.ts'
import { keep } from '../ports/metrics/keep.ts'
import type { Histogram, Meter } from '../ports/metrics/meter.ts'
import type { Metrics } from './registry.ts'

type Ended = {
  readonly attributes: Attributes
  readonly seconds: number
  readonly isFailed: boolean
  readonly traceparent?: string | undefined
  readonly parents: number
}

/** Makes a trace that also measures the steps of the paths. A decision is too short for it: its command is measured. */
export function measureTrace(trace: Trace, metrics: Meter): Trace {
  const record = stepRecorders(metrics)
  return {
    isRecording: trace.isRecording,
    current: () => trace.current(),
    step: <T>(
      name: StepName,
      parents: readonly (TraceContext | null)[],
      attributes: Attributes,
      run: () => T,
      relation?: 'child' | 'root',
    ): T => {
      const recordStep = record[name]
      if (!recordStep) return trace.step(name, parents, attributes, run, relation)
      const began = performance.now()
      const end = (isFailed: boolean) => {
        const seconds = (performance.now() - began) / 1_000
        recordStep({ attributes, seconds, isFailed, traceparent: parents[0]?.traceparent, parents: parents.length })
      }
      let result: T
      try {
        result = trace.step(name, parents, attributes, run, relation)
      } catch (error) {
        end(true)
        throw error
      }
      if (!(result instanceof Promise)) {
        end(false)
        return result
      }
      return result.then(
        value => {
          end(false)
          return value
        },
        error => {
          end(true)
          throw error
        },
      ) as T
    },
  }
}

function stepRecorders(metrics: Meter): Partial<Record<StepName, (ended: Ended) => void>> {
  const outcomeOf = (isFailed: boolean) => (isFailed ? 'failed' : 'done')
  const byOutcome = (name: 'emaki.load.duration' | 'emaki.append.duration') => keep(outcome => metrics.histogram(name, outcome))
  const load = byOutcome('emaki.load.duration')
  const append = byOutcome('emaki.append.duration')
  const batch = metrics.histogram('emaki.append.commands')
  const page = keep(name => metrics.histogram('emaki.subscription.page.duration', name))
  const prepare = keep(name => metrics.histogram('emaki.prepare.duration', name))
  const send = keep(name => metrics.histogram('emaki.send.duration', name))
  const timed =
    (of: (name: string) => Histogram, attribute: string) =>
    ({ attributes, seconds, traceparent }: Ended) =>
      of(String(attributes[attribute])).record(seconds, traceparent)
  const measurePage = ({ attributes, seconds, traceparent }: Ended) =>
    page(String(attributes['emaki.subscription'])).record(seconds, traceparent)
  return {
    load: ({ isFailed, seconds, traceparent }) => load(outcomeOf(isFailed)).record(seconds, traceparent),
    append: ({ isFailed, seconds, traceparent, parents }) => {
      append(outcomeOf(isFailed)).record(seconds, traceparent)
      batch.record(parents)
    },
    process: measurePage,
    relay: measurePage,
    prepare: timed(prepare, 'emaki.command'),
    send: timed(send, 'emaki.command'),
  }
}

/** Counts what operators are told. What is tried again and again counts as open until it is over. */
export function measureReport(report: Report, metrics: Metrics): Report {
  // Each is there from the beginning, so that the first breach is a change.
  const breaches = new Map(PROMISE_NAMES.map(name => [name, metrics.counter('emaki.promise.breaches', name)]))
  const open = new Map<string, number>()
  metrics.observe(['emaki.retry.open'], () => ({
    'emaki.retry.open': [...open].map(([subscription, value]) => ({ values: [subscription] as const, value })),
  }))
  const watched = watchReport(report, problem => {
    const broken = brokenPromiseOf(problem)
    if (broken) breaches.get(broken)!.add()
    if (problem instanceof Notice) {
      const { code, level, fields } = problem
      const subscription = subjectNameOf(fields)
      metrics.counter('emaki.notices', code, level, subscription).add()
      if (code === 'taken-over') metrics.counter('emaki.subscription.takeovers', subscription).add()
      // One notice tells of several, where a page parked many.
      if (code === 'key-parked' || code === 'keys-parked')
        metrics.counter('emaki.subscription.parkings', subscription).add(Number(fields['parked'] ?? 1))
      const change = code === 'retry-began' ? 1 : code === 'retry-ended' ? -1 : 0
      if (change !== 0) open.set(subscription, (open.get(subscription) ?? 0) + change)
      if (change === 1) metrics.counter('emaki.retry.episodes', subscription).add()
      if (change === -1) metrics.counter('emaki.retry.attempts', subscription).add(Number(fields['failures']))
    } else metrics.counter('emaki.notices', 'error', 'error', '').add()
  })
  metrics.reportTo(watched)
  return watched
}
