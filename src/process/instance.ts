// One instance of a process: its state, the timers that it has set, and what it wants sent that is not durable yet. It is kept as the rows
// of a projection are, and made of the log as they are.
import type { z } from 'zod'
import type { Command } from '../decider/command.ts'
import { idProblem } from '../event/stream-name.ts'
import type { Recorded } from '../event/events.ts'
import { type ByEvent, storedTypes } from '../event/families.ts'
import { ledBy } from '../event/recorded.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { type Answered, DUE, type Fell } from './own.ts'
import { type Input, label, type ProcessSpec, type Step } from './process.ts'
import type { Due, Timer } from './timer.ts'

/** A timer that is set: by the event at which position, and what is sent when it falls due. `due` is in ms since 1970. */
export type Armed = { readonly set: number; readonly due: number; readonly command: Command | null }
export type Instance = {
  /** Null: it has ended. */
  readonly state: unknown
  readonly timers: Readonly<Record<string, Armed>>
  /** What JSON does not show: it goes to the agenda in the transaction that keeps the rest. */
  readonly [out]?: readonly Wish[]
}
export const out: unique symbol = Symbol('out')

/** What the agenda is to have, or no longer. `due` 0 is at once. */
export type Wish =
  | {
      readonly id: string
      readonly key: string
      readonly timer: string | null
      readonly command: Command | null
      readonly meta: WishMeta
      readonly due: number
      /** The position of the event that led to it. */
      readonly set: number
    }
  | { readonly id: string; readonly set: number; readonly isCancelled: true }
export type WishMeta = {
  readonly correlation: string
  readonly causation: string
  readonly traceparent?: string
  readonly label?: string
}

/** The name of a process's subscription. */
export function subscriptionOf({ name }: Pick<ProcessSpec, 'name'>): string {
  return `process_${name}`
}

const STEPS_MAX = 1_000

/** A process as a projection of its instances. */
export function instancesOf(process: ProcessSpec): ProjectionSpec {
  const { own, families, told } = process
  const first: Instance = { state: process.initial, timers: {} }
  /** Nothing of its own comes to an instance that has not begun: it has ended, and its row is gone. */
  const heard = (row: Instance, event: Recorded) => (row === first && event.category === own.name ? ENDED : row)
  const evolve: ProjectionSpec['evolve'] = new Map(
    [...told, [own.name, own.types] as const].map(([category, types]) => [
      category,
      new Map(
        [...types.keys()].map(type => [
          type,
          (row: unknown, _: unknown, event: Recorded, key: string) =>
            advanced(process, heard(row as Instance, event), event, key),
        ]),
      ),
    ]),
  )
  const all = new Map([...families, [own.name, own]])
  return {
    kind: 'projection',
    name: subscriptionOf(process),
    version: process.version,
    row: instance,
    initial: first,
    indexes: [],
    families: all,
    evolve,
    key: process.key,
    filter: storedTypes(all, evolve as ByEvent<unknown>),
    previous: null,
    frozen: false,
    live: false,
  }
}

const ENDED: Instance = { state: null, timers: {} }

/** What a process folds is its own, whatever it is; what JSON would change is refused where it is written. */
const instance = { safeParse: (data: unknown) => ({ success: true, data }), toJSONSchema: () => ({}) } as unknown as z.ZodType

/** An instance after an event: its state, and what it wants, added to what it wanted before. */
export function advanced(process: ProcessSpec, before: Instance, event: Recorded, key: string): Instance {
  const isOwn = event.category === process.own.name
  // What still comes of one that has ended is no matter to it.
  if (isOwn && before.state === null) return before
  const fell = isOwn && event.type === DUE ? (event.data as Fell) : null
  const armed = fell && ownOf(before.timers, fell.timer)
  // One that was cancelled, or set anew, before it was heard of.
  if (fell && armed?.set !== fell.set) return before
  // One that has ended in this very page begins anew with a fact.
  const { state, steps } = process.take(before.state ?? process.initial, inputOf(process, event, key))
  const made = new Making(process, event, key, before)
  if (fell) made.forget(fell.timer)
  if (armed?.command) made.send(armed.command)
  if (steps.length > STEPS_MAX) throw new TypeError(`${process.name}: ${steps.length} steps at once, at most ${STEPS_MAX}`)
  for (const step of steps) made.step(step)
  return made.instance(state)
}

function inputOf(process: ProcessSpec, event: Recorded, key: string): Input {
  if (event.category !== process.own.name) return { kind: 'event', event, key }
  if (event.type === DUE) return { kind: 'due', timer: (event.data as Fell).timer, key, at: event.at }
  const { command, code, data, label = null } = event.data as Answered
  // The types of its own events are these, in capitals.
  const kind = event.type.toLowerCase() as 'accepted' | 'rejected' | 'failed'
  return { kind, command, code, ...(data !== undefined && { data }), label, key }
}

/** The instance as it is kept, null: it has ended; and what it wants. */
export function parted(instance: Instance): { readonly kept: Instance | null; readonly wishes: readonly Wish[] } {
  const { state, timers, [out]: wishes = [] } = instance
  return { kept: state === null ? null : wishes.length ? { state, timers } : instance, wishes }
}

/** The instance without what it wants by the event at this position. */
export function hushed({ state, timers, [out]: wishes = [] }: Instance, position: number): Instance {
  return { state, timers, [out]: wishes.filter(({ set }) => set !== position) }
}

/** The timers that are set, as wishes: for an agenda that has none of them. */
export function armedOf(process: ProcessSpec, key: string, { timers }: Instance): readonly Wish[] {
  return Object.entries(timers).map(([timer, { set, due, command }]) => {
    const id = timerId(process, key, timer)
    return { id, key, timer, command, meta: { correlation: id, causation: id }, due, set }
  })
}

class Making {
  readonly #process: ProcessSpec
  readonly #event: Recorded
  readonly #key: string
  readonly #out: Wish[]
  #timers: Record<string, Armed>
  #index: number

  constructor(process: ProcessSpec, event: Recorded, key: string, before: Instance) {
    this.#process = process
    this.#event = event
    this.#key = key
    this.#out = [...(before[out] ?? [])]
    this.#timers = { ...before.timers }
    // One stored event may be several of today's, at one position.
    this.#index = this.#out.filter(({ set }) => set === event.position).length
  }

  step(step: Step): void {
    if (isTimer(step)) this.#set(step)
    else this.send(step)
  }

  send(command: Command & { readonly [label]?: string }): void {
    this.#check(command)
    const { position } = this.#event
    const id = `${this.#process.name}:${this.#key}:${position}:${this.#index++}`
    const labelled = command[label] === undefined ? {} : { label: command[label] }
    const meta = { ...this.#meta, ...labelled }
    this.#out.push({ id, key: this.#key, timer: null, command: plain(command), meta, due: 0, set: position })
  }

  forget(timer: string): void {
    const { [timer]: _, ...rest } = this.#timers
    this.#timers = rest
  }

  instance(state: unknown): Instance {
    if (state === null) for (const timer of Object.keys(this.#timers)) this.#cancel(timer)
    const timers = state === null ? {} : this.#timers
    return this.#out.length ? { state, timers, [out]: this.#out } : { state, timers }
  }

  #set({ timer, due, command }: Timer<Command>): void {
    if (due === null) return this.#cancel(timer)
    if (command) this.#check(command)
    const set = this.#event.position
    const armed = { set, due: dueAt(due, this.#event.at), command: command && plain(command) }
    this.#timers = { ...this.#timers, [timer]: armed }
    const { due: at } = armed
    this.#out.push({ id: this.#timerId(timer), key: this.#key, timer, command: armed.command, meta: this.#meta, due: at, set })
  }

  #cancel(timer: string): void {
    if (!ownOf(this.#timers, timer)) return
    this.forget(timer)
    this.#out.push({ id: this.#timerId(timer), set: this.#event.position, isCancelled: true })
  }

  #timerId(timer: string): string {
    return timerId(this.#process, this.#key, timer)
  }

  get #meta(): WishMeta {
    return ledBy(this.#event)
  }

  /** TypeScript refuses these; JavaScript would find out when the command is sent, again and again. */
  #check(command: Command): void {
    const { name, to } = this.#process
    if (!to.has(command?.decider)) throw new TypeError(`${name} sends to ${[...to].join(', ')}, not to ${command?.decider}`)
    const wrong = idProblem(command.id)
    if (wrong) throw new TypeError(`${name}: ${command.decider}.${command.command}: ${wrong}`)
  }
}

/** One for all times that it is set: setting it again replaces it. */
function timerId({ name }: ProcessSpec, key: string, timer: string): string {
  return `${name}:${key}@${timer}`
}

function dueAt(due: NonNullable<Due>, at: string): number {
  return 'at' in due ? due.at : Date.parse(at) + due.afterMs
}

function isTimer(step: Step): step is Timer<Command> {
  return 'timer' in step
}

/** Without what TypeScript does not know to be there. */
function plain({ decider, command, id, data }: Command): Command {
  return { decider, command, id, data }
}

function ownOf(timers: Instance['timers'], name: string): Armed | undefined {
  return Object.hasOwn(timers, name) ? timers[name] : undefined
}
