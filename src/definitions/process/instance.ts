// One instance of a process: its state, its timers, and its changes to the agenda that are not durable yet. Instances
// are folded from the log and stored like the rows of a projection.
import type { z } from 'zod'
import type { Command } from '../decider/command.ts'
import { nameProblem } from '../event/names.ts'
import type { Recorded } from '../event/events.ts'
import { type ByEvent, storedTypes } from '../event/families.ts'
import { metaCausedBy } from '../event/recorded.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { CLOSED, type CommandAnswered, DUE, type TimerFired } from './process-events.ts'
import { type Input, label, type ProcessSpec, type ProcessStep } from './process.ts'
import { nextTime, type Recurrence } from '../recurrence.ts'
import { type Due, DUE_MAX, type Timer } from './timer.ts'

/**
 * An armed timer: the position of the event that set it, when it is due in ms since 1970, and the command to send then.
 * `every`: it sets itself again when it falls due.
 */
export type ArmedTimer = {
  readonly set: number
  readonly due: number
  readonly command: Command | null
  readonly every?: Recurrence
}
export type ProcessInstance = {
  /** Null: the instance has ended. */
  readonly state: unknown
  readonly timers: Readonly<Record<string, ArmedTimer>>
  /** How many facts found no instance here since this was written. JSON does not show it. */
  readonly [passedOver]?: number
  /** Changes to the agenda. JSON does not show them: the transaction that writes the rest writes them to the agenda. */
  readonly [outbox]?: readonly AgendaChange[]
}
export const outbox: unique symbol = Symbol('outbox')
export const passedOver: unique symbol = Symbol('passedOver')
/** There is no instance: it has not begun, or it has ended. */
export const NO_INSTANCE: ProcessInstance = { state: null, timers: {} }

/** An entry to add to the agenda, or to drop from it. A `due` of 0 means at once. */
export type AgendaChange =
  | {
      readonly id: string
      readonly key: string
      readonly timer: string | null
      readonly command: Command | null
      readonly meta: EntryMeta
      readonly due: number
      /** The position of the event that led to the entry. */
      readonly set: number
      /** A timer that is set again after its process was folded again: its times. */
      readonly every?: Recurrence
    }
  | { readonly id: string; readonly set: number; readonly isCancelled: true }
export type EntryMeta = {
  readonly correlation: string
  readonly causation: string
  readonly traceparent?: string
  readonly hops?: number
  readonly initiator?: string
  readonly label?: string
}

/** The name of a process's subscription. */
export function subscriptionOf({ name }: Pick<ProcessSpec, 'name'>): string {
  return `process_${name}`
}

const STEPS_MAX = 1_000
/** A process's own versions end below this. */
const FORM_VERSIONS = 100_000

/** A process as a projection of its instances. */
export function instancesOf(process: ProcessSpec): ProjectionSpec {
  const { own, families, handledTypes } = process
  const evolve: ProjectionSpec['evolve'] = new Map(
    [...handledTypes, [own.name, own.types] as const].map(([category, types]) => [
      category,
      new Map(
        [...types.keys()].map(type => [
          type,
          (row: unknown, _: unknown, event: Recorded, key: string) =>
            advanceInstance(process, row as ProcessInstance, event, key),
        ]),
      ),
    ]),
  )
  const all = new Map([...families, [own.name, own]])
  return {
    kind: 'projection',
    name: subscriptionOf(process),
    version: process.form * FORM_VERSIONS + process.version,
    row: anyInstance,
    initial: NO_INSTANCE,
    indexes: [],
    families: all,
    evolve,
    key: process.key,
    filter: storedTypes(all, evolve as ByEvent<unknown>),
    previous: null,
    frozen: false,
    live: false,
    inline: false,
  }
}

/** A process may fold to any state. A state that JSON would change is refused when it is written. */
const anyInstance = { safeParse: (data: unknown) => ({ success: true, data }), toJSONSchema: () => ({}) } as unknown as z.ZodType

/** Gives an instance after an event: its new state, and the new changes to the agenda behind the earlier ones. */
export function advanceInstance(process: ProcessSpec, before: ProcessInstance, event: Recorded, key: string): ProcessInstance {
  const isOwn = event.category === process.own.name
  if (before.state === null && !process.begins.get(event.category)?.has(event.type)) return isOwn ? before : passOver(before)
  const fired = isOwn && event.type === DUE ? (event.data as TimerFired) : null
  const timer = fired && findTimer(before.timers, fired.timer)
  // The timer was cancelled, or set again, before this event was handled.
  if (fired && timer?.set !== fired.set) return before
  const builder = new InstanceBuilder(process, event, key, before)
  if (isOwn && event.type === CLOSED) return builder.build(null)
  const { state, steps } = process.handleInput(before.state ?? process.initial, inputOf(process, event, key))
  if (fired) builder.forgetTimer(fired.timer)
  if (timer?.command) builder.send(timer.command)
  if (fired && timer?.every) builder.setTimer({ timer: fired.timer, due: { every: timer.every }, command: timer.command })
  if (steps.length > STEPS_MAX) throw new TypeError(`${process.name}: ${steps.length} steps at once, at most ${STEPS_MAX}`)
  for (const step of steps) builder.addStep(step)
  return builder.build(state)
}

/** Counts a fact that begins no instance and finds none. */
function passOver(before: ProcessInstance): ProcessInstance {
  return { ...before, [passedOver]: (before[passedOver] ?? 0) + 1 }
}

function inputOf(process: ProcessSpec, event: Recorded, key: string): Input {
  if (event.category !== process.own.name) return { kind: 'event', event, key }
  if (event.type === DUE) return { kind: 'due', timer: (event.data as TimerFired).timer, key, at: event.at }
  // The types of its own events are these, in capitals.
  const kind = event.type.toLowerCase() as 'accepted' | 'rejected' | 'failed' | 'resumed' | 'skipped'
  if (kind === 'resumed' || kind === 'skipped') return { kind, key }
  const { command, code, data, cut, label = null } = event.data as CommandAnswered
  return { kind, command, code, ...(data !== undefined && { data }), ...(cut && { cut }), label, key }
}

/** Splits an instance into the part that is written (null: there is none), its changes to the agenda, and its count. */
export function splitOutbox(instance: ProcessInstance): {
  readonly instance: ProcessInstance | null
  readonly changes: readonly AgendaChange[]
  readonly passed: number
} {
  const { state, timers, [outbox]: changes = [], [passedOver]: passed = 0 } = instance
  const isPlain = changes.length === 0 && passed === 0
  return { instance: state === null ? null : isPlain ? instance : { state, timers }, changes, passed }
}

/** The instance without the changes to the agenda that come from the event at this position. */
export function withoutOutbox({ [outbox]: changes = [], ...rest }: ProcessInstance, position: number): ProcessInstance {
  return { ...rest, [outbox]: changes.filter(({ set }) => set !== position) }
}

/** All armed timers, as changes to an agenda that has none of them. */
export function timerChanges(process: ProcessSpec, key: string, instance: ProcessInstance | null): readonly AgendaChange[] {
  return Object.entries(instance?.timers ?? {}).map(([timer, armed]) => {
    const id = timerId(process, key, timer)
    return { ...armed, id, key, timer, meta: { correlation: id, causation: id } }
  })
}

class InstanceBuilder {
  readonly #process: ProcessSpec
  readonly #event: Recorded
  readonly #key: string
  readonly #outbox: AgendaChange[]
  readonly #passed: number
  #timers: Record<string, ArmedTimer>
  #index: number

  constructor(process: ProcessSpec, event: Recorded, key: string, before: ProcessInstance) {
    this.#process = process
    this.#event = event
    this.#key = key
    this.#outbox = [...(before[outbox] ?? [])]
    this.#passed = before[passedOver] ?? 0
    this.#timers = { ...before.timers }
    // One stored event may become several of today's, all at one position.
    this.#index = this.#outbox.filter(({ set }) => set === event.position).length
  }

  addStep(step: ProcessStep): void {
    if (isTimer(step)) this.setTimer(step)
    else this.send(step)
  }

  send(command: Command & { readonly [label]?: string }): void {
    this.#checkCommand(command)
    if (this.#event.meta.history) return
    const { position } = this.#event
    const id = `${this.#process.name}:${this.#key}:${position}:${this.#index++}`
    const labelled = command[label] === undefined ? {} : { label: command[label] }
    const meta = { ...this.#meta, ...labelled }
    this.#outbox.push({ id, key: this.#key, timer: null, command: plainCommand(command), meta, due: 0, set: position })
  }

  forgetTimer(timer: string): void {
    const { [timer]: _, ...rest } = this.#timers
    this.#timers = rest
  }

  build(state: unknown): ProcessInstance {
    if (state === null) for (const timer of Object.keys(this.#timers)) this.#cancelTimer(timer)
    const timers = state === null ? {} : this.#timers
    return {
      ...{ state, timers },
      ...(this.#outbox.length > 0 && { [outbox]: this.#outbox }),
      ...(this.#passed > 0 && { [passedOver]: this.#passed }),
    }
  }

  setTimer({ timer, due, command }: Pick<Timer<Command>, 'timer' | 'due' | 'command'>): void {
    if (due === null) return this.#cancelTimer(timer)
    if (command) this.#checkCommand(command)
    const { position: set, at: cameAt, meta } = this.#event
    // What was due before history came into the log has happened without this process, or has not happened.
    if (meta.history && this.#dueAt(timer, due) <= Date.parse(cameAt)) return this.#cancelTimer(timer)
    const again = 'every' in due ? { every: due.every } : {}
    const armed = { set, due: this.#dueAt(timer, due), command: command && plainCommand(command), ...again }
    this.#timers = { ...this.#timers, [timer]: armed }
    const { due: at } = armed
    this.#outbox.push({ id: this.#timerId(timer), key: this.#key, timer, command: armed.command, meta: this.#meta, due: at, set })
  }

  /**
   * When a timer is due. A delay counts from when the event happened, which for an imported one was before it came into
   * the log; times that come again are those after that. A timer that should have been due before 1970 is due at once.
   * Throws beyond the year 9999.
   */
  #dueAt(timer: string, due: NonNullable<Due>): number {
    if ('every' in due) return nextTime(due.every, Date.parse(this.#event.at))
    const at = this.#event.meta.occurredAt ?? this.#event.at
    const ms = Math.ceil('at' in due ? due.at : Date.parse(at) + due.afterMs)
    if (ms <= DUE_MAX) return Math.max(1, ms)
    throw new TypeError(`${this.#process.name}: the timer ${timer}, set at ${at}, is due after the year 9999`)
  }

  #cancelTimer(timer: string): void {
    if (!findTimer(this.#timers, timer)) return
    this.forgetTimer(timer)
    this.#outbox.push({ id: this.#timerId(timer), set: this.#event.position, isCancelled: true })
  }

  #timerId(timer: string): string {
    return timerId(this.#process, this.#key, timer)
  }

  get #meta(): EntryMeta {
    return metaCausedBy(this.#event)
  }

  /**
   * Refuses commands that can never be sent. TypeScript refuses most of them, and JavaScript callers need the check.
   */
  #checkCommand(command: Command): void {
    const { name, to } = this.#process
    if (!to.has(command?.decider)) throw new TypeError(`${name} sends to ${[...to].join(', ')}, not to ${command?.decider}`)
    const wrong = nameProblem('an id', command.id)
    if (wrong) throw new TypeError(`${name}: ${command.decider}.${command.command}: ${wrong}`)
  }
}

/** The id of a timer in the agenda. Setting a timer again gives the same id, and so replaces the timer. */
function timerId({ name }: ProcessSpec, key: string, timer: string): string {
  return `${name}:${key}@${timer}`
}

function isTimer(step: ProcessStep): step is Timer<Command> {
  return 'timer' in step
}

/** Drops fields that a command does not have by its type. */
function plainCommand({ decider, command, id, data }: Command): Command {
  return { decider, command, id, data }
}

function findTimer(timers: ProcessInstance['timers'], name: string): ArmedTimer | undefined {
  return Object.hasOwn(timers, name) ? timers[name] : undefined
}
