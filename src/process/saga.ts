// The common case of a process: steps in order or side by side, each with what undoes it. A saga is compiled to a process.
import type { Command } from '../decider/command.ts'
import { type Duration, milliseconds } from '../event/duration.ts'
import { type AnyEvents, type Recorded, spec } from '../event/events.ts'
import { byEvent, familiesOf, type In, type Keys, type Named, type NameOf, type One, type Only } from '../event/families.ts'
import { type AnyDecider, defined, type Input, label, type Process, type Step, stepsOf, type Taken } from './process.ts'
import { after, cancel } from './timer.ts'

type Orders<D extends AnyDecider> = D[typeof spec]['command']

/** One step of a saga. */
export type SagaStep<Data, C extends Command, Names extends string> = {
  /** The commands that do it: it is done when all are accepted, or when the fact `until` has come. */
  readonly run: (data: Data, key: string) => One<C>
  /** The commands that undo it. Default: there is nothing to undo. */
  readonly undo?: (data: Data, key: string) => One<C>
  /** The fact that ends it well, where a command's acceptance is only the beginning; it needs a timeout. */
  readonly until?: Names
  /** The fact that ends it badly. */
  readonly unless?: Names
  /** How long it may take before it counts as failed. Default: until its commands are answered. */
  readonly timeout?: Duration
  /** How often it is tried again after it failed, with pauses that double from one second. Default: 0. */
  readonly retry?: number
}

/** Where a saga is. `done` and `undone` are its ends; `stuck` too: a step cannot be undone, which wants somebody to look at it. */
export type SagaStatus = 'running' | 'undoing' | 'done' | 'undone' | 'stuck'
/** Where one of its steps is. `partial`: it failed, and some of its commands had been accepted by then. */
export type PartStatus = 'waiting' | 'running' | 'done' | 'failed' | 'partial' | 'undoing' | 'undone'
export type SagaPart = {
  readonly status: PartStatus
  readonly attempt: number
  /** Commands of this attempt, or of its undoing, that have no answer yet, and those that were accepted. */
  readonly left: number
  readonly accepted: number
  /** Why one of them was not. */
  readonly refused: { readonly code: string; readonly data?: unknown } | null
  readonly undoing: number
}
export type SagaState = {
  readonly status: SagaStatus
  readonly data: unknown
  /** The group of steps that is being done or undone. */
  readonly at: number
  readonly parts: readonly SagaPart[]
  readonly failure: { readonly step: number; readonly code: string; readonly data?: unknown } | null
}

type Compiled = {
  readonly run: (data: unknown, key: string) => One<Command>
  readonly undo: ((data: unknown, key: string) => One<Command>) | null
  readonly timeout: Duration | null
  readonly retry: number
  readonly group: number
  /** It is done by a fact. */
  readonly waits: boolean
  readonly until: { readonly category: string; readonly type: string } | null
}
/** What a test needs to know of a saga besides what it is as a process. */
export type SagaSpec = { readonly steps: readonly Compiled[]; readonly groups: number }
export const sagas: WeakMap<object, SagaSpec> = new WeakMap()

const UNDO_RETRY = 5
const initial: SagaState = { status: 'running', data: null, at: -1, parts: [], failure: null }

/**
 * Steps that are done in order, or side by side where they stand in a list of their own; what fails undoes what was done, in reverse.
 *
 * - `from`, `to`, `key`, `version`: as of `processManager`.
 * - `start`: for one or more facts, the saga's data, from which steps make their commands. What has begun does not begin again.
 * - `steps`: each `{ run, undo, until, unless, timeout, retry }`.
 * - `completed`, `undone`: commands at its end.
 *
 * It always ends: a step ends by the answers to its commands or, where it waits for a fact, by its timeout. What answers after that is
 * undone when it does.
 *
 * @example
 * saga('fulfilment', {
 *   from: [Order, Payment],
 *   to: [order, inventory, payment],
 *   start: { Placed: ({ items, cents }) => ({ items, cents }) },
 *   steps: [
 *     { run: ({ items }, id) => items.map(({ sku, qty }) => inventory.reserve(sku, { order: id, qty })),
 *       undo: ({ items }, id) => items.map(({ sku }) => inventory.release(sku, { order: id })) },
 *     { run: ({ cents }, id) => payment.request(id, { cents }), undo: (_, id) => payment.refund(id, {}),
 *       until: 'Charged', unless: 'Declined', timeout: '15 minutes' },
 *     { run: (_, id) => order.ship(id, {}), retry: 3 },
 *   ],
 *   undone: (_, { code }, id) => order.cancel(id, { reason: code }),
 * })
 */
export function saga<
  const N extends string,
  F extends AnyEvents,
  D extends AnyDecider,
  Data,
  S extends { readonly [K in NameOf<In<F>>]?: (data: Named<In<F>, K>['data'], event: Recorded<Named<In<F>, K>>) => Data },
  K extends Keys<In<F>>,
>(
  name: N,
  options: {
    readonly from: One<F>
    readonly to: One<D>
    readonly key?: K & NoInfer<Only<K, Keys<In<F>>>>
    readonly start: S & {
      readonly [K in NameOf<In<F>>]?: (data: Named<In<F>, K>['data'], event: Recorded<Named<In<F>, K>>) => Data
    }
    readonly steps: readonly One<SagaStep<NoInfer<Data>, Orders<D>, NameOf<In<F>>>>[]
    readonly completed?: (data: NoInfer<Data>, key: string) => One<Orders<D>>
    readonly undone?: (data: NoInfer<Data>, failure: NonNullable<SagaState['failure']>, key: string) => One<Orders<D>>
    readonly version?: number
  },
): Process<N, SagaState> {
  const where = `saga('${name}')`
  const families = familiesOf(where, options.from)
  const start = byEvent<(data: unknown, event: Recorded) => unknown>(`${where}.start`, families, options.start)
  const groups = options.steps.map(
    group => (Array.isArray(group) ? group : [group]) as readonly SagaStep<unknown, Command, string>[],
  )
  const steps = groups.flatMap((group, at) => group.map(step => compiled(where, step, at)))
  if (steps.length === 0) throw new TypeError(`${where}: it has no steps`)
  /** By family and type: which steps a fact ends, well or badly. */
  const ends = (of: 'until' | 'unless') => {
    const named = groups.flat().flatMap((step, i) => (step[of] === undefined ? [] : [[step[of], i] as const]))
    const found = Map.groupBy(named, ([name]) => name)
    const lists = [...found].map(([name, all]) => [name, Object.assign(() => {}, { steps: all.map(([, i]) => i) })] as const)
    return byEvent<{ readonly steps: readonly number[] }>(`${where}.${of}`, families, Object.fromEntries(lists))
  }
  const machine = new Machine(
    { steps, groups: groups.length },
    (options.completed ?? (() => [])) as Machine['completed'],
    (options.undone ?? (() => [])) as Machine['undone'],
  )
  const [until, unless] = [ends('until'), ends('unless')]
  for (const [category, types] of until)
    for (const [type, { steps: ended }] of types) for (const i of ended) steps[i] = { ...steps[i]!, until: { category, type } }
  const all = [start, until, unless].flatMap(of =>
    [...of].flatMap(([category, types]) => [...types.keys()].map(type => [category, type] as const)),
  )
  const told = new Map(
    [...Map.groupBy(all, ([category]) => category)].map(([category, types]) => [
      category,
      new Map(types.map(([, type]) => [type, true])),
    ]),
  )
  const definition = defined(where, name, {
    ...{ from: options.from, to: options.to, key: options.key, version: options.version, told, initial, hearsAccepted: true },
    take: (state, input) => {
      const moving = machine.moving(state as SagaState, input.key)
      if (input.kind === 'event') {
        const { category, type } = input.event
        const begun = start.get(category)?.get(type)
        if (begun) moving.start(begun(input.event.data, input.event))
        for (const i of until.get(category)?.get(type)?.steps ?? []) moving.done(i)
        for (const i of unless.get(category)?.get(type)?.steps ?? []) moving.failed(i, type)
      } else if (input.kind === 'due') moving.due(input.timer)
      else moving.answered(input)
      return moving.taken()
    },
  })
  const made = Object.freeze({ [spec]: definition })
  sagas.set(definition, machine.saga)
  return made as Process<N, SagaState>
}

function compiled(where: string, step: SagaStep<unknown, Command, string>, group: number): Compiled {
  const { run, undo = null, until, unless, timeout = null, retry = 0 } = step
  if (until !== undefined && timeout === null)
    throw new TypeError(`${where}: a step until ${until} needs a timeout, as ${until} may never come`)
  if (unless !== undefined && until === undefined) throw new TypeError(`${where}: a step unless ${unless} needs an until`)
  if (!(Number.isSafeInteger(retry) && retry >= 0 && retry <= 100)) throw new TypeError(`${where}: retry ${retry}`)
  if (timeout !== null) milliseconds(timeout)
  return { run, undo, timeout, retry, group, waits: until !== undefined, until: null }
}

class Machine {
  readonly saga: SagaSpec
  readonly completed: (data: unknown, key: string) => One<Command>
  readonly undone: (data: unknown, failure: NonNullable<SagaState['failure']>, key: string) => One<Command>

  constructor(saga: SagaSpec, completed: Machine['completed'], undone: Machine['undone']) {
    this.saga = saga
    this.completed = completed
    this.undone = undone
  }

  moving(state: SagaState, key: string): Moving {
    return new Moving(this, state, key)
  }
}

/** One input's way through a saga. */
class Moving {
  readonly #machine: Machine
  readonly #key: string
  readonly #steps: Step[] = []
  #state: SagaState

  constructor(machine: Machine, state: SagaState, key: string) {
    this.#machine = machine
    this.#state = state
    this.#key = key
  }

  taken(): Taken {
    return { state: this.#state, steps: this.#steps }
  }

  start(data: unknown): void {
    if (this.#state.at >= 0) return
    const parts = this.#all.map(
      (): SagaPart => ({ status: 'waiting', attempt: 0, left: 0, accepted: 0, refused: null, undoing: 0 }),
    )
    this.#state = { ...initial, data, at: 0, parts }
    this.#begin(0)
  }

  /** A command was answered; its label says which attempt at which step it was of. */
  answered({ kind, code, data, label }: Extract<Input, { readonly label: unknown }>): void {
    const [text, of, way] = (label ?? '').split(':')
    const [i, attempt] = [Number(text), Number(of)]
    const part = this.#state.parts[i]
    if (label === null || !part) return
    if (way === 'undo') return this.#undoAnswered(i, attempt, kind, code)
    const isAccepted = kind === 'accepted'
    if (part.status !== 'running' || part.attempt !== attempt)
      return isAccepted && !this.#all[i]!.waits ? this.#late(i) : undefined
    const refused = isAccepted ? part.refused : { code, ...(data !== undefined && { data }) }
    const [left, accepted] = [part.left - 1, part.accepted + Number(isAccepted)]
    this.#change(i, { left, accepted, refused })
    if (left > 0) return
    if (refused) return this.#failed(i, refused)
    // Accepted is done only where nothing else is waited for.
    if (!this.#all[i]!.waits) this.done(i)
  }

  done(i: number): void {
    if (this.#state.parts[i]?.status !== 'running') return this.#late(i)
    this.#stop(i)
    this.#change(i, { status: 'done' })
    this.#next()
  }

  /** By a fact. */
  failed(i: number, code: string): void {
    if (this.#state.parts[i]?.status === 'running') this.#failed(i, { code })
  }

  due(timer: string): void {
    const [what, text] = timer.split('.')
    const i = Number(text)
    const part = this.#state.parts[i]
    if (what === 'retry' && part?.status === 'waiting' && this.#state.status === 'running') this.#run(i)
    if (what === 'undo' && part?.status === 'undoing') this.#undo(i)
    if (what === 'timeout' && part?.status === 'running') this.#failed(i, { code: 'timeout' })
  }

  get #all(): readonly Compiled[] {
    return this.#machine.saga.steps
  }

  #of(group: number): readonly number[] {
    return this.#all.flatMap((step, i) => (step.group === group ? [i] : []))
  }

  #begin(group: number): void {
    this.#state = { ...this.#state, at: group }
    for (const i of this.#of(group)) this.#run(i)
    this.#next()
  }

  #run(i: number): void {
    const { run, timeout } = this.#all[i]!
    const attempt = this.#state.parts[i]!.attempt + 1
    const commands = stepsOf(run(this.#state.data, this.#key)) as readonly Command[]
    for (const command of commands) this.#steps.push({ ...command, [label]: `${i}:${attempt}:run` })
    const status = commands.length || this.#all[i]!.waits ? 'running' : 'done'
    this.#change(i, { status, attempt, left: commands.length, accepted: 0, refused: null })
    if (timeout && status === 'running') this.#steps.push(after(timeout, `timeout.${i}`))
  }

  /** Tries again, or gives up and undoes. */
  #failed(i: number, why: { readonly code: string; readonly data?: unknown }): void {
    const { attempt, accepted } = this.#state.parts[i]!
    const { retry, waits } = this.#all[i]!
    this.#stop(i)
    if (attempt <= retry && this.#state.status === 'running') {
      this.#change(i, { status: 'waiting' })
      return void this.#steps.push(after(`${2 ** (attempt - 1)} seconds`, `retry.${i}`))
    }
    this.#change(i, { status: accepted > 0 && !waits ? 'partial' : 'failed' })
    if (this.#state.status === 'running') this.#state = { ...this.#state, status: 'undoing', failure: { step: i, ...why } }
    this.#next()
  }

  /** Goes on where all of the group has come to an end. */
  #next(): void {
    if (this.#state.status === 'running') return this.#forward()
    if (this.#state.status === 'undoing') this.#back()
  }

  #forward(): void {
    const { at, data, parts } = this.#state
    if (at < 0 || !this.#of(at).every(i => parts[i]!.status === 'done')) return
    if (at + 1 < this.#machine.saga.groups) return this.#begin(at + 1)
    this.#state = { ...this.#state, status: 'done' }
    this.#steps.push(...stepsOf(this.#machine.completed(data, this.#key)))
  }

  /** In reverse: what of this group was done is undone, what still runs is waited for, and then comes the group before. */
  #back(): void {
    for (const i of this.#of(this.#state.at)) {
      const { status, attempt } = this.#state.parts[i]!
      if (status === 'waiting' && attempt > 0) this.#steps.push(cancel(`retry.${i}`))
      if (status === 'waiting') this.#change(i, { status: attempt > 0 ? 'partial' : 'failed' })
      if (['done', 'partial'].includes(this.#state.parts[i]!.status)) this.#undo(i)
    }
    if (this.#of(this.#state.at).some(i => ['running', 'undoing'].includes(this.#state.parts[i]!.status))) return
    if (this.#state.at > 0) {
      this.#state = { ...this.#state, at: this.#state.at - 1 }
      return this.#back()
    }
    const { data, failure } = this.#state
    this.#state = { ...this.#state, status: 'undone' }
    this.#steps.push(...stepsOf(this.#machine.undone(data, failure!, this.#key)))
  }

  #undo(i: number): void {
    const { undo } = this.#all[i]!
    const commands = undo ? (stepsOf(undo(this.#state.data, this.#key)) as readonly Command[]) : []
    const undoing = this.#state.parts[i]!.undoing + 1
    for (const command of commands) this.#steps.push({ ...command, [label]: `${i}:${undoing}:undo` })
    this.#change(i, { status: commands.length ? 'undoing' : 'undone', undoing, left: commands.length })
  }

  #undoAnswered(i: number, attempt: number, kind: string, code: string): void {
    const part = this.#state.parts[i]!
    if (part.status !== 'undoing' || part.undoing !== attempt) return
    if (kind === 'accepted') {
      this.#change(i, part.left > 1 ? { left: part.left - 1 } : { status: 'undone', left: 0 })
      return this.#next()
    }
    if (attempt <= UNDO_RETRY) return void this.#steps.push(after(`${2 ** (attempt - 1)} seconds`, `undo.${i}`))
    this.#state = { ...this.#state, status: 'stuck', failure: { step: i, code } }
  }

  /** What an attempt did that had been given up: it is undone, unless a later one has done the same. */
  #late(i: number): void {
    const isOver = ['failed', 'partial', 'undoing', 'undone'].includes(this.#state.parts[i]?.status ?? '')
    if (isOver && (this.#state.status === 'undone' || this.#state.status === 'undoing')) this.#undo(i)
  }

  #stop(i: number): void {
    if (this.#all[i]!.timeout) this.#steps.push(cancel(`timeout.${i}`))
  }

  #change(i: number, changed: Partial<SagaPart>): void {
    this.#state = { ...this.#state, parts: this.#state.parts.with(i, { ...this.#state.parts[i]!, ...changed }) }
  }
}
