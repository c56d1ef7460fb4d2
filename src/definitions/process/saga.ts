// The common case of a process: steps in order or side by side, each with its undoing. A saga is compiled to a process.
import type { DefinitionName } from '../definition-name.ts'
import type { Command } from '../decider/command.ts'
import { type Duration, milliseconds } from '../event/duration.ts'
import { type AnyEvents, type Recorded, spec } from '../event/events.ts'
import {
  type ByEvent,
  byEvent,
  type Families,
  familiesOf,
  type In,
  type Keys,
  type EventNamed,
  type NameOf,
  type One,
  type Only,
} from '../event/families.ts'
import { checkOptions, type OptionKinds } from '../options.ts'
import type { Start } from '../start.ts'
import { type AnyDecider, type CommandsTo, defineProcess, type Process } from './process.ts'
import { type CompiledStep, SAGA_FORM, type SagaPlan, type SagaState } from './saga-state.ts'
import { NOT_BEGUN, SagaTransition, stuckStep } from './saga-transition.ts'

/** One step of a saga. */
export type SagaStep<Data, C extends Command, Names extends string> = {
  /** Gives the commands of the step. It is done when all are accepted, or when the fact `until` has come. */
  readonly run: (data: Data, key: string) => One<C>
  /** Gives the commands that undo the step. Default: there is nothing to undo. */
  readonly undo?: (data: Data, key: string) => One<C>
  /**
   * The fact that completes the step, where the acceptance of its commands is only the beginning. It needs a timeout.
   */
  readonly until?: Names
  /** The fact that fails the step. It needs an `until`. */
  readonly unless?: Names
  /** How long the step may take before it counts as failed. Default: until its commands are answered. */
  readonly timeout?: Duration
  /**
   * How often to try the step again after a failure, at most 100, with pauses that double from one second. Default: 0.
   */
  readonly retry?: number
}

/** The plans of all sagas, for tests that are derived from them. */
export const sagas: WeakMap<object, SagaPlan> = new WeakMap()

type SagaOptions<
  F extends AnyEvents,
  D extends AnyDecider,
  Data,
  S extends {
    readonly [K in NameOf<In<F>>]?: (data: EventNamed<In<F>, K>['data'], event: Recorded<EventNamed<In<F>, K>>) => Data
  },
  K extends Keys<In<F>>,
> = {
  /** The family or families whose facts it handles. */
  readonly from: One<F>
  /** The decider or deciders that it may send commands to. */
  readonly to: One<D>
  /**
   * For some of the facts, a function that gives the instance or instances they concern. Default: the instance of the
   * fact's stream.
   */
  readonly key?: K & NoInfer<Only<K, NameOf<In<F>>>>
  /**
   * For each fact that begins a saga, a function that gives the saga's data, from which steps make their commands. A
   * saga that has begun does not begin again.
   */
  readonly begins: S &
    NoInfer<Only<S, NameOf<In<F>>>> & {
      readonly [K in NameOf<In<F>>]?: (data: EventNamed<In<F>, K>['data'], event: Recorded<EventNamed<In<F>, K>>) => Data
    }
  /**
   * The steps, each `{ run, undo, until, unless, timeout, retry }`. Steps in a list of their own run side by side.
   */
  readonly steps: readonly One<SagaStep<NoInfer<Data>, CommandsTo<D>, NameOf<In<F>>>>[]
  /** Gives the commands at the end of a saga whose steps are all done. Default: none. */
  readonly completed?: (data: NoInfer<Data>, key: string) => One<CommandsTo<D>>
  /** Gives the commands at the end of a saga whose steps were undone. Default: none. */
  readonly undone?: (data: NoInfer<Data>, failure: NonNullable<SagaState['failure']>, key: string) => One<CommandsTo<D>>
  /**
   * Where a process begins that is new to the log: `beginning`, `now`, after a position, or `{ at: time }`. The
   * process never sees earlier events. Default: the beginning of an empty log. Where the log is not empty, a new
   * process without a `start` is refused.
   */
  readonly start?: Start
  /**
   * Raise it when any of these change. The new version makes its states from the log, and continues where the old
   * version stopped. For earlier events it sends nothing, and it sets no timer that the old version had not set and
   * that would be due already. Default: 1.
   */
  readonly version?: number
}

/**
 * Runs steps in order. Steps that stand in a list of their own run side by side. If a step fails, the earlier steps are
 * undone in reverse.
 *
 * A step ends by the answers to its commands or, if it waits for a fact, by its timeout. A success that comes after that
 * is undone when it comes. A saga whose undoing, or whose commands at the end, are refused six times is stuck and is
 * reported. `processes resume` lets it go on.
 *
 * @example
 * saga('fulfilment', {
 *   from: [Order, Payment],
 *   to: [order, inventory, payment],
 *   begins: { Placed: ({ items, cents }) => ({ items, cents }) },
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
  S extends {
    readonly [K in NameOf<In<F>>]?: (data: EventNamed<In<F>, K>['data'], event: Recorded<EventNamed<In<F>, K>>) => Data
  },
  K extends Keys<In<F>>,
>(name: DefinitionName<N, '_'>, options: SagaOptions<F, D, Data, S, K>): Process<N, SagaState> {
  const where = `saga('${name}')`
  checkOptions(where, options, OPTIONS)
  const families = familiesOf(where, options.from)
  const begins = byEvent<(data: unknown, event: Recorded) => unknown>(`${where}.begins`, families, options.begins)
  const groups = options.steps.map(
    group => (Array.isArray(group) ? group : [group]) as readonly SagaStep<unknown, Command, string>[],
  )
  const declared = groups.flat()
  if (declared.length === 0) throw new TypeError(`${where}: it has no steps`)
  const compiled = groups.flatMap((group, at) => group.map(step => compileStep(where, step, at)))
  const [until, unless] = [endingsOf(where, families, declared, 'until'), endingsOf(where, families, declared, 'unless')]
  const plan: SagaPlan = {
    steps: compiled.map((step, i) => ({ ...step, until: eventThatEnds(until, i), unless: eventThatEnds(unless, i) })),
    groups: groups.length,
    // Both get the data that `begins` gives.
    completed: (options.completed ?? (() => [])) as SagaPlan['completed'],
    undone: (options.undone ?? (() => [])) as SagaPlan['undone'],
  }
  const definition = defineProcess(where, name, {
    ...{ from: options.from, to: options.to, key: options.key, version: options.version, start: options.start },
    initial: NOT_BEGUN,
    begins,
    handledTypes: typesOf([begins, until, unless]),
    needsAccepted: true,
    form: SAGA_FORM,
    // Its states are SagaStates.
    stuckBy: state => stuckStep(state as SagaState),
    handleInput: (state, input) => {
      const transition = new SagaTransition(plan, state as SagaState, input.key)
      if (input.kind === 'event') {
        const { category, type } = input.event
        const dataOf = begins.get(category)?.get(type)
        if (dataOf) transition.begin(dataOf(input.event.data, input.event))
        for (const i of until.get(category)?.get(type)?.steps ?? []) transition.completeStep(i)
        for (const i of unless.get(category)?.get(type)?.steps ?? []) transition.failStep(i, type)
      } else if (input.kind === 'due') transition.handleTimer(input.timer)
      else if (input.kind === 'resumed') transition.resume()
      else if (input.kind === 'skipped') transition.skip()
      else transition.handleAnswer(input)
      return transition.reaction
    },
  })
  const process = Object.freeze({ [spec]: definition })
  sagas.set(definition, plan)
  return process as Process<N, SagaState>
}

/** The steps that a fact ends. */
type StepEnding = { readonly steps: readonly number[] }

/** By family and type, the steps that a fact ends, well (`until`) or badly (`unless`). */
function endingsOf(
  where: string,
  families: Families,
  steps: readonly SagaStep<unknown, Command, string>[],
  of: 'until' | 'unless',
): ByEvent<StepEnding> {
  const named = steps.flatMap((step, i) => (step[of] === undefined ? [] : [[step[of], i] as const]))
  const byName = Map.groupBy(named, ([name]) => name)
  // byEvent takes functions.
  const lists = [...byName].map(([name, all]) => [name, Object.assign(() => {}, { steps: all.map(([, i]) => i) })] as const)
  return byEvent<StepEnding>(`${where}.${of}`, families, Object.fromEntries(lists))
}

/** The fact that ends a step; null: none does. */
function eventThatEnds(endings: ByEvent<StepEnding>, step: number): CompiledStep['until'] {
  for (const [category, types] of endings)
    for (const [type, { steps }] of types) if (steps.includes(step)) return { category, type }
  return null
}

function typesOf(maps: readonly ByEvent<unknown>[]): ByEvent<unknown> {
  const all = maps.flatMap(of => [...of].flatMap(([category, types]) => [...types.keys()].map(type => [category, type] as const)))
  const byCategory = Map.groupBy(all, ([category]) => category)
  return new Map([...byCategory].map(([category, types]) => [category, new Map(types.map(([, type]) => [type, true]))]))
}

function compileStep(where: string, step: SagaStep<unknown, Command, string>, group: number): CompiledStep {
  checkOptions(`${where}: a step`, step, STEP_OPTIONS)
  const { run, undo = null, until, unless, timeout = null, retry = 0 } = step
  if (until !== undefined && timeout === null)
    throw new TypeError(`${where}: a step with until ${until} needs a timeout, because ${until} may never come`)
  if (unless !== undefined && until === undefined) throw new TypeError(`${where}: a step with unless ${unless} needs an until`)
  if (!(Number.isSafeInteger(retry) && retry >= 0 && retry <= 100))
    throw new TypeError(`${where}: expected a retry from 0 to 100, found ${retry}`)
  if (timeout !== null) milliseconds(timeout)
  return { run, undo, timeout, retry, group, waits: until !== undefined, until: null, unless: null }
}

const STEP_OPTIONS: OptionKinds<keyof SagaStep<unknown, Command, string>> = {
  run: 'function',
  undo: 'function?',
  until: 'text?',
  unless: 'text?',
  timeout: 'any?',
  retry: 'number?',
}
const OPTIONS: OptionKinds<keyof SagaOptions<AnyEvents, AnyDecider, unknown, never, never>> = {
  from: 'families',
  to: 'deciders',
  key: 'functions?',
  begins: 'functions',
  steps: 'list',
  completed: 'function?',
  undone: 'function?',
  start: 'any?',
  version: 'number?',
}
