// Finds the decisions that a changed process would take differently over recorded events, compared with another version
// of it, or with the commands that the log shows. Nobody knows the effects of another decision, so look at the first
// difference first.
import type { Command } from '../decider/command.ts'
import { spec } from '../event/events.ts'
import { canonicalText } from '../event/payload.ts'
import type { StoredText } from '../event/recorded.ts'
import { categoryOf, instanceOf, isOf, streamName } from '../event/stream-name.ts'
import type { CommandAnswered } from './process-events.ts'
import { type AnyProcess, type DecidedBy, type DecidedStep, type Decision, decisionsOf } from './replay.ts'

/**
 * A step that only one side wants: `missing` from `after`, or `added` by it. Of `changed`, both steps are of one
 * command to one instance, or of one timer.
 */
export type Difference = {
  readonly kind: 'added' | 'missing' | 'changed'
  readonly instance: string
  readonly by: DecidedBy
  readonly before: DecidedStep | Led | null
  readonly after: DecidedStep | null
}
/** The trace of an accepted command: the log has only the events that it led to, and their stream. */
export type Led = { readonly kind: 'led to'; readonly stream: string; readonly types: readonly string[] }

export type Compared = {
  /** How many decisions were compared. */
  readonly decisions: number
  readonly differences: readonly Difference[]
  /**
   * Commands without a trace in the log: they changed nothing, or were never sent. Only from a comparison with the log.
   */
  readonly untraced: readonly { readonly instance: string; readonly by: DecidedBy; readonly command: Command }[]
}

/**
 * Compares the steps that two versions of a process want by the same events. The order of one event's commands is not
 * compared.
 *
 * @example
 * const { differences } = compareProcesses(fulfilmentV1, fulfilmentV2, events)
 * expect(differences).toEqual([])
 */
export function compareProcesses(before: AnyProcess, after: AnyProcess, events: Iterable<StoredText>): Compared {
  const all = [...events]
  const [was, is] = [groupByInput(decisionsOf(before, all)), groupByInput(decisionsOf(after, all))]
  const inputs = [...new Set([...was.keys(), ...is.keys()])]
  const found = inputs.flatMap(input => {
    const { instance, by } = (was.get(input) ?? is.get(input))!
    const pairs = pairSteps(was.get(input)?.steps ?? [], is.get(input)?.steps ?? [])
    return pairs.map(pair => ({ instance, by, ...pair }))
  })
  const differences = found.toSorted((one, other) => one.by.position - other.by.position)
  return { decisions: inputs.length, differences, untraced: [] }
}

/**
 * Compares the steps that a process wants by the events of a log with the commands that the log shows. A command that
 * was not accepted is whole in the process's own stream, and so is every command of a saga. An accepted one is known by
 * the events that name its cause. Timers are not compared.
 * Give it the events of one process and their consequences. Commands of other processes to the same instances by the
 * same events count as this one's.
 */
export function compareWithLog(process: AnyProcess, events: Iterable<StoredText>): Compared {
  const all = [...events]
  const decisions = decisionsOf(process, all)
  const log = tracesOf(process, all)
  const differences: Difference[] = []
  const untraced: Compared['untraced'][number][] = []
  const inputs = groupByInput(decisions)
  for (const [input, { instance, by, steps }] of inputs) {
    differences.push(...steps.filter(isFailure).map(after => ({ kind: 'added' as const, instance, by, before: null, after })))
    const answered = log.answered.get(input) ?? []
    log.answered.delete(input)
    const commands = steps.filter(isCommand)
    const pairs = pairSteps(answered, commands)
    const led = new Map(log.led.get(by.id))
    for (const { command } of answered) led.delete(streamOf(command))
    for (const pair of pairs) {
      const { after } = pair
      if (pair.kind !== 'added' || after?.kind !== 'command') differences.push({ instance, by, ...pair })
      else if (!log.led.get(by.id)?.has(streamOf(after.command))) untraced.push({ instance, by, command: after.command })
      if (after?.kind === 'command') led.delete(streamOf(after.command))
    }
    log.led.set(by.id, led)
  }
  const byId = new Map(all.map(event => [event.id, event]))
  for (const [id, led] of log.led) differences.push(...unwantedEffects(process, byId.get(id), led))
  for (const [input, steps] of log.answered) differences.push(...unwantedAnswers(input, steps, all))
  return {
    decisions: inputs.size,
    differences: differences.toSorted((one, other) => one.by.position - other.by.position),
    untraced,
  }
}

/** Formats the result of a comparison as lines for a terminal. */
export function gateText({ decisions, differences, untraced }: Compared): string {
  const count = (kind: Difference['kind']) => differences.filter(one => one.kind === kind).length
  const lines = differences.map(
    ({ kind, instance, by, before, after }) => `${kind.padEnd(8)}${placeOf(instance, by)}: ${changeText(before, after)}`,
  )
  const silent = untraced.length ? [`${untraced.length} commands left no trace: they changed nothing, or were not sent`] : []
  const result = differences.length
    ? `${decisions} decisions compared: ${count('added')} added, ${count('missing')} missing, ${count('changed')} changed`
    : `${decisions} decisions compared: none differs`
  return [...lines, ...silent, result].join('\n')
}

type Pair = Pick<Difference, 'kind' | 'before' | 'after'>

/** Pairs the steps that are on one side only, or that differ from the step of the same subject on the other side. */
function pairSteps(before: readonly DecidedStep[], after: readonly DecidedStep[]): readonly Pair[] {
  const same = matchSteps(before, after, stepText)
  const like = matchSteps(same.before, same.after, subjectOf)
  return [
    ...like.pairs.map(([before, after]): Pair => ({ kind: 'changed', before, after })),
    ...like.before.map((before): Pair => ({ kind: 'missing', before, after: null })),
    ...like.after.map((after): Pair => ({ kind: 'added', before: null, after })),
  ]
}

function matchSteps(before: readonly DecidedStep[], after: readonly DecidedStep[], by: (step: DecidedStep) => string) {
  const left = [...after]
  const pairs: (readonly [DecidedStep, DecidedStep])[] = []
  const alone = before.filter(step => {
    const at = left.findIndex(other => by(other) === by(step))
    if (at >= 0) pairs.push([step, left.splice(at, 1)[0]!])
    return at < 0
  })
  return { pairs, before: alone, after: left }
}

/** The subject of a step. Two different steps of one subject are one step that changed. */
function subjectOf(step: DecidedStep): string {
  if (step.kind === 'command') return `command ${streamOf(step.command)} ${step.command.command}`
  return step.kind === 'failure' ? step.kind : `timer ${step.timer}`
}

function groupByInput(decisions: readonly Decision[]): ReadonlyMap<string, Decision> {
  return new Map(decisions.map(decision => [`${decision.by.position} ${decision.instance}`, decision]))
}

type Traces = {
  /** Answered commands, whole, by position and instance. */
  readonly answered: Map<string, (DecidedStep & { readonly kind: 'command' })[]>
  /** By the id of an event: the streams that it led to, and the types that were appended to them. */
  readonly led: Map<string, ReadonlyMap<string, readonly string[]>>
}

function tracesOf(process: AnyProcess, events: readonly StoredText[]): Traces {
  const { name, to } = process[spec]
  const traces: Traces = { answered: new Map(), led: new Map() }
  for (const { stream, type, data, meta } of events) {
    if (isOf(name, stream) && ANSWER_TYPES.has(type)) {
      const { by, command } = JSON.parse(data) as CommandAnswered
      const [, position = ''] = /:(\d+):\d+$/.exec(by) ?? []
      const input = `${position} ${instanceOf(stream)}`
      traces.answered.set(input, [...(traces.answered.get(input) ?? []), { kind: 'command', command }])
    } else if (to.has(categoryOf(stream))) {
      const { causation } = JSON.parse(meta) as { readonly causation: string }
      const led = traces.led.get(causation)
      traces.led.set(causation, new Map(led).set(stream, [...(led?.get(stream) ?? []), type]))
    }
  }
  return traces
}

const ANSWER_TYPES: ReadonlySet<string> = new Set(['Accepted', 'Rejected', 'Failed'])

/** Effects of an event that the process does not want by this event. */
function unwantedEffects(
  process: AnyProcess,
  by: StoredText | undefined,
  led: ReadonlyMap<string, readonly string[]>,
): readonly Difference[] {
  if (!by || !isHandled(process, by)) return []
  const instance = instanceOf(by.stream)
  return [...led].map(([stream, types]) => ({
    kind: 'missing' as const,
    instance,
    by,
    before: { kind: 'led to', stream, types },
    after: null,
  }))
}

function isHandled(process: AnyProcess, { stream, type }: StoredText): boolean {
  const { handledTypes, own } = process[spec]
  return isOf(own.name, stream) || handledTypes.get(categoryOf(stream))?.has(type) === true
}

/** Answered commands of an event by which the process wants nothing. */
function unwantedAnswers(input: string, steps: readonly DecidedStep[], events: readonly StoredText[]): readonly Difference[] {
  const at = input.indexOf(' ')
  const by = events.find(({ position }) => position === Number(input.slice(0, at)))
  return by ? steps.map(before => ({ kind: 'missing' as const, instance: input.slice(at + 1), by, before, after: null })) : []
}

function isFailure(step: DecidedStep): step is DecidedStep & { readonly kind: 'failure' } {
  return step.kind === 'failure'
}

function isCommand(step: DecidedStep): step is DecidedStep & { readonly kind: 'command' } {
  return step.kind === 'command'
}

function streamOf({ decider, id }: Command): string {
  return streamName(decider, id)
}

function placeOf(instance: string, { stream, version, position, type }: DecidedBy): string {
  return `${instance} at ${position}, by ${type} (${stream}, version ${version})`
}

/** Formats a decision as lines for a terminal, one for each step. */
export function decisionLines({ instance, by, steps }: Decision): readonly string[] {
  return steps.map(step => `${placeOf(instance, by)}: ${stepText(step)}`)
}

function changeText(before: Difference['before'], after: Difference['after']): string {
  if (before && after) return `${stepText(before)}, now ${stepText(after)}`
  return stepText((before ?? after)!)
}

function stepText(step: DecidedStep | Led): string {
  switch (step.kind) {
    case 'command':
      return commandText(step.command)
    case 'timer':
      return `timer ${step.timer} due ${step.due}${step.command ? `: ${commandText(step.command)}` : ''}`
    case 'cancel':
      return `timer ${step.timer} cancelled`
    case 'failure':
      return `throws ${step.error}`
    case 'led to':
      return `a command that led to ${step.types.join(', ')} in ${step.stream}`
  }
}

function commandText({ decider, command, id, data }: Command): string {
  return `${decider}.${command} ${id} ${canonicalText(data)}`
}
