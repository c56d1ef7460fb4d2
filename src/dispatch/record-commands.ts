// Records commands that were refused or decided again, for who asks for it: callers are answered, so nobody has to act.
import { isWanted, Notice, type NoticeFields, type Report } from '../ports/report/notice.ts'
import { type CommandObserver, unobserved } from './observer.ts'
import type { Outcome, Refused } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'

/** Makes an observer that records each command that was refused, or lost its stream to another process. */
export function recordCommands(report: Report): CommandObserver {
  const record = (pending: PendingCommand, { code, what, more }: CommandRecord) => {
    if (!isWanted(report, 'debug', code)) return
    const fields = { ...fieldsOf(pending), ...more }
    report(new Notice({ level: 'debug', code, message: `${fields.command} of ${fields.stream} ${what}.`, fields }))
  }
  return {
    ...unobserved,
    ended: (pending, outcome) => {
      if (outcome !== null && outcome.outcome !== 'accepted') record(pending, refusalOf(outcome))
      const { attempts } = pending
      const what = `lost its stream to others ${attempts} times`
      if (attempts > 0) record(pending, { code: 'command-retried', what, more: { attempts } })
    },
  }
}

type CommandRecord = { readonly code: string; readonly what: string; readonly more: NoticeFields }

/** Lets several see what the command's path does. */
export function observeTogether(observers: readonly CommandObserver[]): CommandObserver {
  return {
    ended: (command, outcome) => {
      for (const observer of observers) observer.ended(command, outcome)
    },
    invalid: (decider, command) => {
      for (const observer of observers) observer.invalid(decider, command)
    },
    opened: (decider, found) => {
      for (const observer of observers) observer.opened(decider, found)
    },
    loaded: (decider, events) => {
      for (const observer of observers) observer.loaded(decider, events)
    },
    committed: committed => {
      for (const observer of observers) observer.committed(committed)
    },
  }
}

function refusalOf(outcome: Outcome | Refused): CommandRecord {
  const rejection = 'code' in outcome ? outcome.code : undefined
  const why = outcome.outcome === 'conflict' ? `the stream is at version ${outcome.actual}` : (rejection ?? outcome.outcome)
  return { code: 'command-refused', what: `was refused: ${why}`, more: { outcome: outcome.outcome, rejection } }
}

function fieldsOf({ decider, command, stream, actor, meta, parent }: PendingCommand) {
  return {
    command: `${decider.name}.${command.command}`,
    stream,
    correlation: meta.correlation,
    ...(actor !== null && { actor }),
    traceId: (parent?.traceparent ?? meta.traceparent)?.split('-')[1],
  }
}
