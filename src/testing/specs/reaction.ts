// What a process manager or a saga does on its inputs, as an example.
import type { Command } from '../../definitions/decider/command.ts'
import {
  type AgendaChange,
  type ArmedTimer,
  instancesOf,
  type ProcessInstance,
  splitOutbox,
} from '../../definitions/process/instance.ts'
import type { ProcessSpec } from '../../definitions/process/process.ts'
import { foldEvent, rowEvents } from '../../definitions/projection/fold.ts'
import { differences, showValue } from './differences.ts'
import { type ReactionExpected, showCommand, showEvent, showExpected } from './expected.ts'
import { type Answer, BEGAN, type Fact, INSTANCE, listPast, type Past, Recording } from './past.ts'
import type { SpecReport } from './spec.ts'

export type ReactionExample = {
  readonly definition: ProcessSpec
  readonly past: readonly Past[]
  readonly expected: readonly ReactionExpected[]
}

/** Has a process take these inputs. What it does on the last one is what counts. */
export function runReaction({ definition, past, expected }: ReactionExample): SpecReport {
  const reacting = new Reacting(definition)
  const inputs = listPast(past)
  for (const { instance, what } of inputs) reacting.take(what, instance)
  const shown = [
    ...inputs.map(
      ({ instance, what }, i) => `${i < inputs.length - 1 ? 'given' : 'when '}   ${instance ?? INSTANCE}: ${showInput(what)}`,
    ),
    ...expected.map(one => `wanted  ${showExpected(one)}`),
    ...reacting.last.map(change => `found   ${showChange(change, reacting.now)}`),
    ...[...reacting.instances].map(([key, { state }]) => `state   ${key}: ${showValue(state)}`),
  ]
  return { shown, wrong: expected.flatMap(one => mistakes(one, reacting)) }
}

class Reacting {
  readonly instances: Map<string, ProcessInstance> = new Map()
  /** What the last input led to. */
  last: readonly AgendaChange[] = []
  /** Which instances the last input was for. */
  touched: readonly string[] = []
  /** The time of the last input, in ms since 1970. */
  now: number = BEGAN
  readonly #process: ProcessSpec
  readonly #projection: ReturnType<typeof instancesOf>
  readonly #recording = new Recording()
  readonly #sent: AgendaChange[] = []

  constructor(process: ProcessSpec) {
    this.#process = process
    this.#projection = instancesOf(process)
  }

  take(what: Fact | Answer, instance: string | null): void {
    const { fact, key } = 'answer' in what ? this.#ownEvent(what, instance) : { fact: what, key: instance ?? INSTANCE }
    const stored = this.#recording.record(this.#projection.families, fact, key, this.now)
    this.last = []
    this.touched = []
    for (const event of rowEvents(this.#projection, stored)) {
      // A process folds to an instance.
      const next = foldEvent(this.#projection, this.instances.get(event.key) ?? null, event) as ProcessInstance
      const { instance: after, changes } = splitOutbox(next)
      if (after) this.instances.set(event.key, after)
      else this.instances.delete(event.key)
      this.last = [...this.last, ...changes]
      this.touched = [...this.touched, event.key]
    }
    this.#sent.push(...this.last)
  }

  /** The event of the process's own stream by which it learns of an answer. */
  #ownEvent(what: Answer, instance: string | null): { readonly fact: Fact; readonly key: string } {
    const category = this.#process.own.name
    if (what.answer === 'Due') {
      const [key, { set, due }] = this.#armed(what.timer, instance)
      this.now = Math.max(this.now, due)
      return { key, fact: { category, type: 'Due', data: { timer: what.timer, set } } }
    }
    const sent = this.#sent.findLast(
      one =>
        'command' in one && one.command !== null && one.timer === null && differences(what.command, one.command).length === 0,
    )
    if (!sent || !('command' in sent)) throw new TypeError(`${category} has not sent ${showCommand(what.command)}`)
    const { command, code, data } = what
    const { label } = sent.meta
    const answer = { by: sent.id, command, code, ...(data !== undefined && { data }), ...(label !== undefined && { label }) }
    return { key: instance ?? sent.key, fact: { category, type: what.answer, data: answer } }
  }

  #armed(timer: string, instance: string | null): readonly [key: string, ArmedTimer] {
    const armed = [...this.instances].flatMap(([key, { timers }]) =>
      Object.hasOwn(timers, timer) && (instance ?? key) === key ? [[key, timers[timer]!] as const] : [],
    )
    if (armed.length === 1) return armed[0]!
    const which = armed.length === 0 ? 'no instance has' : 'several instances have'
    throw new TypeError(`${which} a timer ${timer} in ${this.#process.name}`)
  }
}

function mistakes(expected: ReactionExpected, { last, touched, instances, now }: Reacting): readonly string[] {
  switch (expected.expects) {
    case 'commands': {
      const sent = last.flatMap(one => ('isCancelled' in one || one.timer !== null ? [] : [one.command!]))
      return differences(expected.commands, sent).map(line => `commands, ${line}`)
    }
    case 'timer':
      return timerMistakes(expected, last, now)
    case 'end':
      return touched.some(key => instances.has(key)) ? ['the instance goes on'] : []
    case 'state': {
      const [key = INSTANCE] = touched
      const instance = instances.get(key)
      return instance ? differences(expected.state, instance.state, { isPart: true }) : [`there is no instance ${key}`]
    }
  }
}

type TimerExpected = Extract<ReactionExpected, { readonly expects: 'timer' }>

function timerMistakes(
  { timer, afterMs, command }: TimerExpected,
  last: readonly AgendaChange[],
  now: number,
): readonly string[] {
  if (afterMs === null)
    return last.some(one => 'isCancelled' in one && nameOf(one) === timer) ? [] : [`${timer} is not cancelled`]
  const set = last.find(one => !('isCancelled' in one) && one.timer === timer)
  if (!set || 'isCancelled' in set) return [`${timer} is not set`]
  return [
    ...differences(afterMs / 1_000, (set.due - now) / 1_000).map(line => `${timer}, seconds until it is due, ${line}`),
    ...(command === undefined ? [] : differences(command, set.command).map(line => `${timer}, ${line}`)),
  ]
}

/** The name of a timer holds no @. */
function nameOf({ id }: AgendaChange): string {
  return id.slice(id.lastIndexOf('@') + 1)
}

function showInput(what: Fact | Answer): string {
  if (!('answer' in what)) return showEvent(what)
  return what.answer === 'Due' ? `${what.timer} falls due` : `${what.answer} ${what.code}: ${showCommand(what.command)}`
}

function showChange(change: AgendaChange, now: number): string {
  if ('isCancelled' in change) return `cancels ${nameOf(change)}`
  const command = (one: Command | null) => (one === null ? '' : showCommand(one))
  if (change.timer === null) return command(change.command)
  return `${change.timer} due after ${(change.due - now) / 1_000} s ${command(change.command)}`.trimEnd()
}
