// The marketplace on virtual time: its deciders and its process run as they are, in one thread, without a store. What
// happens around them (customers, a payment provider, a warehouse) is in people.ts, and changes with a fault.
import { fulfilment } from '../../../../examples/marketplace/fulfilment.ts'
import { inventory } from '../../../../examples/marketplace/inventory.ts'
import { order } from '../../../../examples/marketplace/order.ts'
import { payment } from '../../../../examples/marketplace/payment.ts'
import type { Command } from '../../../definitions/decider/command.ts'
import type { DeciderSpec } from '../../../definitions/decider/decider.ts'
import { evolve } from '../../../definitions/decider/fold.ts'
import { type Event, type Recorded, spec } from '../../../definitions/event/events.ts'
import { sampleSubject } from '../../../definitions/detector/subjects.ts'
import type { Input, ProcessStep } from '../../../definitions/process/process.ts'
import type { Timer } from '../../../definitions/process/timer.ts'
import type { StoredEvent } from '../../../ports/store/event.ts'
import { type Decided, decide } from '../../../testing/decide.ts'
import { random } from '../random.ts'
import { SampleCounts } from './samples.ts'
import { Schedule } from './schedule.ts'

/** How the world behaves. A fault changes some of it. */
export type Behaviour = {
  readonly orders: number
  readonly isProviderDown: boolean
  readonly isChargedTwice: boolean
  readonly isShippedTwice: boolean
  readonly priceFactor: number
  readonly hasReasons: boolean
  /** The share of the payments that the process does not ask for. */
  readonly stuckShare: number
  /** The share of the orders that are placed once more, which is rejected. */
  readonly placedAgain: number
  readonly processDelayMs: number
  readonly isRestocked: boolean
  /** The share of the orders that are shipped at once by somebody else. */
  readonly shippedAtOnce: number
  /** The share of the decisions that another process makes in vain, so that they are made again. */
  readonly conflicts: number
}

export const USUAL: Behaviour = {
  ...{ orders: 1, isProviderDown: false, isChargedTwice: false, isShippedTwice: false, priceFactor: 1, hasReasons: true },
  ...{ stuckShare: 0, placedAgain: 0.1, processDelayMs: 1_000, isRestocked: true, shippedAtOnce: 0, conflicts: 0.01 },
}

const DECIDERS = { order, inventory, payment } as const
const PROCESS = fulfilment[spec]
/** Each decider takes its own commands and states. */
const decideAny = decide as (decider: object, state: unknown, command: Command, at: { readonly now: Date }) => Decided<unknown>
/** Somebody who reacts to events, such as the provider. */
export type Person = (world: World, event: Recorded) => void

export class World {
  behaviour: Behaviour = USUAL
  readonly events: StoredEvent[]
  readonly schedule: Schedule<World>
  readonly samples: SampleCounts
  readonly people: readonly Person[]
  random: () => number
  readonly #states: Map<string, unknown>
  readonly #versions: Map<string, number>
  readonly #instances: Map<string, unknown>
  /** By instance and name, when a timer was set. */
  readonly #timers: Map<string, number>

  /** A copy of another world has its past, and a future of its own. */
  constructor(begin: number, people: readonly Person[], seed: number, past: World | null = null) {
    this.people = people
    this.random = random(seed)
    this.events = [...(past?.events ?? [])]
    this.schedule = new Schedule(begin, past?.schedule ?? null)
    this.samples = new SampleCounts(past?.samples ?? null)
    this.#states = new Map(past ? past.#states : [])
    this.#versions = new Map(past ? past.#versions : [])
    this.#instances = new Map(past ? past.#instances : [])
    this.#timers = new Map(past ? past.#timers : [])
  }

  get now(): number {
    return this.schedule.now
  }

  runUntil(until: number): void {
    this.schedule.runUntil(until, this)
  }

  stateOf<S>(category: keyof typeof DECIDERS, id: string): S {
    return (this.#states.get(`${category}-${id}`) ?? DECIDERS[category][spec].initial) as S
  }

  /** Gives the code if it is rejected. */
  send(command: Command): { readonly code: string; readonly data?: unknown } | null {
    const decider = DECIDERS[command.decider as keyof typeof DECIDERS]
    const stream = `${command.decider}-${command.id}`
    this.#countCommand(command)
    const state = this.#states.get(stream) ?? decider[spec].initial
    const decided = decideAny(decider, state, command, { now: new Date(this.now) })
    if (decided.outcome === 'accepted') {
      this.#states.set(stream, decided.state)
      this.samples.count(this.now, sampleSubject('accepted', command.decider))
      for (const event of decided.events) this.#append(command.id, event)
      return null
    }
    if (decided.outcome !== 'rejected') throw new Error(`${stream} ${command.command}: ${decided.outcome}`)
    this.samples.count(this.now, sampleSubject('rejection', `${command.decider}.${decided.code}`))
    this.samples.count(this.now, sampleSubject('rejected', `${command.decider}.${command.command}`))
    return decided
  }

  /** Counts it as a node does. A decision that another process made in vain is made again. */
  #countCommand({ decider, command }: Command): void {
    this.samples.count(this.now, sampleSubject('command', `${decider}.${command}`))
    this.samples.count(this.now, sampleSubject('decisions', decider))
    while (this.random() < this.behaviour.conflicts) {
      this.samples.count(this.now, sampleSubject('conflicts', decider))
      this.samples.count(this.now, sampleSubject('decisions', decider))
    }
  }

  /** Appends an event that no decider has decided. */
  appendForeign(id: string, event: Event): void {
    const stream = `${event.category}-${id}`
    const decider = DECIDERS[event.category as keyof typeof DECIDERS][spec] as unknown as DeciderSpec
    const before = { state: this.#states.get(stream) ?? decider.initial, version: 0 }
    this.#states.set(stream, evolve(decider, before, [event], () => ({ correlation: '', causation: '' }) as never).state)
    this.#append(id, event)
  }

  #append(instance: string, { category, type, data }: Event): void {
    const stream = `${category}-${instance}`
    const version = (this.#versions.get(stream) ?? 0) + 1
    this.#versions.set(stream, version)
    const position = this.events.length + 1
    const at = new Date(this.now).toISOString()
    this.events.push({
      ...{ stream, type, version, position, at, id: `e${position}`, schema: '', meta: '{}' },
      data: JSON.stringify(data),
    })
    this.samples.count(this.now, sampleSubject('events', category))
    const event = { category, type, data, stream, instance, version, position, at, id: `e${position}`, meta: {} } as never
    for (const person of this.people) person(this, event)
    this.schedule.after(this.behaviour.processDelayMs, world => world.#handle(event))
  }

  #handle(event: Recorded): void {
    const { category, type } = event
    if (!PROCESS.handledTypes.get(category)?.has(type)) return
    const key = String(PROCESS.key.get(category)?.get(type)?.(event.data, event) ?? event.instance)
    if (!this.#instances.has(key) && !PROCESS.begins.get(category)?.has(type)) return
    this.#react(key, { kind: 'event', event, key }, Date.parse(event.at))
  }

  #react(key: string, input: Input, at: number): void {
    const { state, steps } = PROCESS.handleInput(this.#instances.get(key) ?? PROCESS.initial, input)
    this.#instances.set(key, state)
    for (const step of steps)
      if (isTimer(step)) this.#setTimer(key, step, at)
      else this.#sendFor(key, step)
  }

  #setTimer(key: string, { timer, due, command }: Timer<Command>, at: number): void {
    const name = `${key} ${timer}`
    this.#timers.delete(name)
    if (due === null || command === null || !('afterMs' in due)) return
    this.#timers.set(name, at)
    this.schedule.at(at + due.afterMs, world => {
      if (world.#timers.get(name) !== at) return
      world.#timers.delete(name)
      world.#sendFor(key, command)
    })
  }

  #sendFor(key: string, command: Command): void {
    if (command.command === 'request' && this.random() < this.behaviour.stuckShare) return
    const refused = this.send(command)
    if (refused) this.#react(key, { kind: 'rejected', command, ...refused, label: null, key }, this.now)
  }
}

function isTimer(step: ProcessStep): step is Timer<Command> {
  return 'timer' in step
}
