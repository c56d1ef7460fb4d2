// Measures commands by their outcomes, and events by their types.
import type { CommandObserver } from '../dispatch/observer.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import { keep } from './keep.ts'
import type { Metrics } from './registry.ts'

/** Measures what the command's path does. */
export function measureCommands(metrics: Metrics): CommandObserver {
  const durations = keep(command => keep(outcome => metrics.histogram('emaki.command.duration', command, outcome)))
  const attempts = keep(decider => metrics.histogram('emaki.command.attempts', decider))
  const events = keep(category => keep(type => metrics.counter('emaki.events.appended', `${category}.${type}`)))
  const nameOf = keep(decider => keep(command => `${decider}.${command}`))
  return {
    ended: ({ decider, command, sentAt, parent, attempts: lost }, outcome) => {
      const name = nameOf(decider.name)(command.command)
      const ended = outcome === null ? 'failed' : 'replayed' in outcome ? 'replayed' : outcome.outcome
      durations(name)(ended).record((performance.now() - sentAt) / 1_000, parent?.traceparent)
      attempts(decider.name).record(lost + 1)
      // A code may be made of data, so its counter is not kept here.
      if (outcome?.outcome === 'rejected' || outcome?.outcome === 'later')
        metrics.counter('emaki.command.rejections', name, outcome.code).add()
    },
    committed: committed => {
      for (const { stream, events: appended } of committed) {
        const ofCategory = events(categoryOf(stream))
        for (const { type } of appended) ofCategory(type).add()
      }
    },
  }
}
