// Measures commands by their outcomes, and events by their types.
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { CommandObserver } from '../dispatch/observer.ts'
import type { Outcome, Refused } from '../dispatch/outcome.ts'
import type { NewEvent } from '../ports/store/event.ts'
import { keep } from '../ports/metrics/keep.ts'
import type { Counter, Histogram, Meter } from '../ports/metrics/meter.ts'

type Ended = (Outcome | Refused)['outcome'] | 'replayed' | 'failed'

/** Measures what the command's path does. */
export function measureCommands(metrics: Meter): CommandObserver {
  const deciders = keep(decider => deciderSeries(metrics, decider))
  const counters = keep(category => keep(type => eventSeries(metrics, `${category}.${type}`)))
  return {
    ended: ({ decider, command, sentAt, parent, attempts: lost }, outcome) => {
      const { attempts, commands } = deciders(decider.name)
      attempts.record(lost + 1)
      const series = commands(command.command)
      series.duration(endedOf(outcome)).record((performance.now() - sentAt) / 1_000, parent?.traceparent)
      if (outcome?.outcome === 'rejected' || outcome?.outcome === 'later') series.rejection(outcome.code).add()
    },
    invalid: (decider, command) => deciders(decider.name).commands(command).invalid().add(),
    opened: (decider, found) => deciders(decider.name).states[found].add(),
    loaded: (decider, events) => deciders(decider.name).loads.record(events),
    committed: committed => {
      for (const { stream, events } of committed) countTypes(counters(categoryOf(stream)), events)
    },
  }
}

/** Finds the series of a decider. They are made once they are needed, and then kept: finding them costs more than a record. */
function deciderSeries(metrics: Meter, decider: string) {
  return {
    attempts: metrics.histogram('emaki.command.attempts', decider),
    loads: metrics.histogram('emaki.load.events', decider),
    states: {
      hit: metrics.counter('emaki.states', decider, 'hit'),
      miss: metrics.counter('emaki.states', decider, 'miss'),
      new: metrics.counter('emaki.states', decider, 'new'),
    },
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

type EventSeries = { readonly appended: Counter; readonly size: Counter }

function eventSeries(metrics: Meter, event: string): EventSeries {
  return { appended: metrics.counter('emaki.events.appended', event), size: metrics.counter('emaki.events.size', event) }
}

/** Counts events and their text, those of one type in a row at once. */
function countTypes(seriesOf: (type: string) => EventSeries, events: readonly Pick<NewEvent, 'type' | 'data'>[]): void {
  for (let i = 0, from = 0; i < events.length; from = i) {
    const { type } = events[i]!
    let size = 0
    for (; events[i]?.type === type; i++) size += events[i]!.data.length
    const series = seriesOf(type)
    series.appended.add(i - from)
    series.size.add(size)
  }
}
