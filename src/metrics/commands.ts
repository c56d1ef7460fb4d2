// Measures commands by their outcomes, and events by their types.
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { CommandObserver } from '../dispatch/observer.ts'
import type { Outcome, Refused } from '../dispatch/outcome.ts'
import { keep } from '../ports/metrics/keep.ts'
import type { Counter, Histogram, Meter } from '../ports/metrics/meter.ts'

type Ended = (Outcome | Refused)['outcome'] | 'replayed' | 'failed'

/** Measures what the command's path does. */
export function measureCommands(metrics: Meter): CommandObserver {
  const deciders = keep(decider => deciderSeries(metrics, decider))
  const counters = keep(category => keep(type => metrics.counter('emaki.events.appended', `${category}.${type}`)))
  return {
    ended: ({ decider, command, sentAt, parent, attempts: lost }, outcome) => {
      const { attempts, commands } = deciders(decider.name)
      attempts.record(lost + 1)
      const series = commands(command.command)
      series.duration(endedOf(outcome)).record((performance.now() - sentAt) / 1_000, parent?.traceparent)
      if (outcome?.outcome === 'rejected' || outcome?.outcome === 'later') series.rejection(outcome.code).add()
    },
    invalid: (decider, command) => deciders(decider.name).commands(command).invalid().add(),
    committed: committed => {
      for (const { stream, events } of committed) countTypes(counters(categoryOf(stream)), events)
    },
  }
}

/** Finds the series of a decider. They are made once they are needed, and then kept: finding them costs more than a record. */
function deciderSeries(metrics: Meter, decider: string) {
  return {
    attempts: metrics.histogram('emaki.command.attempts', decider),
    commands: keep(command => commandSeries(metrics, `${decider}.${command}`)),
  }
}

function commandSeries(metrics: Meter, name: string) {
  const durations: Partial<Record<Ended, Histogram>> = {}
  return {
    duration: (ended: Ended) => (durations[ended] ??= metrics.histogram('emaki.command.duration', name, ended)),
    invalid: () => metrics.counter('emaki.command.invalid', name),
    // A code may be made of data, so its counter is not kept here.
    rejection: (code: string) => metrics.counter('emaki.command.rejections', name, code),
  }
}

function endedOf(outcome: Outcome | Refused | null): Ended {
  if (outcome === null) return 'failed'
  return 'replayed' in outcome ? 'replayed' : outcome.outcome
}

/** Counts events, those of one type in a row at once. */
function countTypes(counterOf: (type: string) => Counter, events: readonly { readonly type: string }[]): void {
  for (let i = 0, from = 0; i < events.length; from = i) {
    const { type } = events[i]!
    while (events[i]?.type === type) i++
    counterOf(type).add(i - from)
  }
}
