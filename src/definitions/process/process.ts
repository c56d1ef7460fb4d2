import type { Command } from '../decider/command.ts'
import { checkDefinitionName, type DefinitionName } from '../definition-name.ts'
import type { DeciderSpec } from '../decider/decider.ts'
import { type AnyEvents, type EventsSpec, type Recorded, spec } from '../event/events.ts'
import {
  type ByEvent,
  byEvent,
  type Families,
  type OnlyFolds,
  familiesOf,
  type In,
  type Keys,
  type NameOf,
  type On,
  type One,
  type Only,
} from '../event/families.ts'
import { freezeAll } from '../event/payload.ts'
import { checkOptions, type OptionKinds } from '../options.ts'
import { type CompiledStart, compileStart, type Start } from '../start.ts'
import { type AnswerCut, processEvents } from './process-events.ts'
import type { Timer } from './timer.ts'

/** Any decider. */
export type AnyDecider = { readonly [spec]: DeciderSpec & { readonly name: string; readonly command: Command } }
export type CommandsTo<D extends AnyDecider> = D[typeof spec]['command']
/** The steps that a process may take: commands to its deciders, and timers. */
type Wanted<D extends AnyDecider> = One<CommandsTo<D> | Timer<CommandsTo<D>>> | undefined
/** A command that was refused. `cut`: the details in `data`, or also the command's data, were too large and left out. */
type Refused<C extends Command> = C extends Command
  ? { readonly command: C; readonly code: string; readonly data?: unknown; readonly cut?: AnswerCut }
  : never

/** A command or a timer. The answer to a command carries the command's label. */
export type ProcessStep = (Command & { readonly [label]?: string }) | Timer<Command>
export const label: unique symbol = Symbol('label')

/** An input of a process: an event of others, a timer that fell due, or the answer to a command. */
export type Input =
  | { readonly kind: 'event'; readonly event: Recorded; readonly key: string }
  | { readonly kind: 'due'; readonly timer: string; readonly key: string; readonly at: string }
  | {
      readonly kind: 'accepted' | 'rejected' | 'failed'
      readonly command: Command
      readonly code: string
      readonly data?: unknown
      readonly cut?: AnswerCut
      readonly label: string | null
      readonly key: string
    }
  | { readonly kind: 'resumed'; readonly key: string }
  | { readonly kind: 'skipped'; readonly key: string }
/** The state and the steps after an input. A null state ends the instance and its timers. */
export type Reaction = { readonly state: unknown; readonly steps: readonly ProcessStep[] }

/** A process as the framework runs it. */
export type ProcessSpec = {
  readonly kind: 'process'
  readonly name: string
  readonly version: number
  readonly families: Families
  /** The facts that the process handles, by family. */
  readonly handledTypes: ByEvent<unknown>
  /** The facts that begin an instance. */
  readonly begins: ByEvent<unknown>
  /** Where the process begins in a log that it is new to. */
  readonly start: CompiledStart
  readonly own: EventsSpec
  readonly key: ByEvent<(data: unknown, event: Recorded) => One<string>>
  /** The deciders that the process sends to. */
  readonly to: ReadonlySet<string>
  /** Whether the process also handles the answers to accepted commands. */
  readonly needsAccepted: boolean
  readonly initial: unknown
  readonly handleInput: (state: unknown, input: Input) => Reaction
  /** The form of its states, raised by a release that changes it. Instances of another form are folded again. */
  readonly form: number
  /** Why an instance cannot go on by itself. Null: it can. */
  readonly stuckBy: (state: unknown) => string | null
}
/** A process manager or a saga. */
export type Process<N extends string, State> = {
  readonly [spec]: ProcessSpec & { readonly name: N; readonly types?: { readonly state: State } }
}

type ProcessManagerOptions<
  F extends AnyEvents,
  D extends AnyDecider,
  State,
  E extends On<In<F>, State, State | null>,
  K extends Keys<In<F>>,
  R extends On<In<F>, State, Wanted<D>>,
> = {
  /** The family or families whose facts it handles. */
  readonly from: One<F>
  /** The decider or deciders that it may send commands to. */
  readonly to: One<D>
  /**
   * The names of the facts that begin an instance. Any other fact that finds no instance, because none has begun or
   * it has ended, is passed over and counted (`passedOver` of the status).
   */
  readonly begins: One<NameOf<In<F>>>
  /**
   * For some of the facts, a function that gives the instance or instances they concern. Default: the instance of the
   * fact's stream.
   */
  readonly key?: K & NoInfer<Only<K, NameOf<In<F>>>>
  /** The state before the first fact. */
  readonly initial: State
  /**
   * For some of the facts a function `(state, data, event, key) => state`. `null` ends the instance and its timers. A
   * fact without a function leaves the state as it is.
   */
  readonly evolve: E & NoInfer<OnlyFolds<E, NameOf<In<F>>, State>>
  /**
   * For some of the facts a function `(state, data, event, key)`, with the state after the fact. It gives commands,
   * timers or nothing.
   */
  readonly react: R & NoInfer<Only<R, NameOf<In<F>>>>
  /** What becomes of refused commands and of timers. */
  readonly on: {
    /**
     * A function `(state, { command, code, data }, key)`, when a decision refused a command. It has to be there, as
     * an unheard refusal leaves an instance waiting for ever.
     */
    readonly rejected: (state: NoInfer<State>, refused: Refused<CommandsTo<D>>, key: string) => Wanted<D>
    /** The same, when the command cannot be sent at all. Default: as `rejected`. */
    readonly failed?: (state: NoInfer<State>, refused: Refused<CommandsTo<D>>, key: string) => Wanted<D>
    /**
     * A function `(state, { timer, at }, key)`, when a timer fell due. The timer's command, if it has one, is sent in
     * any case.
     */
    readonly due?: (state: NoInfer<State>, fired: { readonly timer: string; readonly at: string }, key: string) => Wanted<D>
  }
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
 * Turns events into commands and timers, by a state that is folded from these events. It is pure: whatever crashes, the
 * log tells what it wants.
 *
 * EXACTLY ONCE: state, checkpoint and changes to the agenda commit together. A command's idempotency key is derived
 * from the event that led to it, so sending it again has no second effect.
 *
 * @example
 * processManager('fulfilment', {
 *   from: [Order, Payment],
 *   to: [order, payment],
 *   begins: 'Placed',
 *   initial: { cents: 0 },
 *   evolve: { Placed: (_, { cents }) => ({ cents }) },
 *   react: {
 *     Placed: ({ cents }, _, { instance }) => [payment.charge(instance, { cents }), after('15 minutes', 'unpaid', order.cancel(instance, {}))],
 *     Charged: (_, __, { instance }) => [cancel('unpaid'), order.ship(instance, {})],
 *   },
 *   on: { rejected: (_, { code }, key) => order.cancel(key, { reason: code }) },
 * })
 */
export function processManager<
  const N extends string,
  F extends AnyEvents,
  D extends AnyDecider,
  State,
  E extends On<In<F>, State, State | null>,
  K extends Keys<In<F>>,
  R extends On<In<F>, State, Wanted<D>>,
>(name: DefinitionName<N, '_'>, options: ProcessManagerOptions<F, D, State, E, K, R>): Process<N, State> {
  const where = `processManager('${name}')`
  checkOptions(where, options, OPTIONS)
  const families = familiesOf(where, options.from)
  const evolve = byEvent<ProcessFold>(`${where}.evolve`, families, options.evolve)
  const react = byEvent<ProcessFold>(`${where}.react`, families, options.react)
  const begins = beginningsOf(where, families, options.begins)
  // JavaScript callers need the check. Each function is called only with the inputs of its type.
  const given = (options.on ?? {}) as unknown as { readonly [K in 'rejected' | 'failed' | 'due']?: OnInput }
  checkOptions(`${where}: on`, given, { rejected: 'function?', failed: 'function?', due: 'function?' })
  if (!given.rejected) throw new TypeError(`${where}: on.rejected has to say what becomes of a command that is refused`)
  const on = { failed: given.rejected, ...given }
  const definition = defineProcess(where, name, {
    from: options.from,
    to: options.to,
    key: options.key,
    version: options.version,
    start: options.start,
    begins,
    handledTypes: mergeByEvent(mergeByEvent(evolve, react), begins),
    initial: options.initial,
    needsAccepted: false,
    form: 0,
    stuckBy: () => null,
    handleInput: (state, input) => {
      if (input.kind === 'accepted' || input.kind === 'resumed' || input.kind === 'skipped') return { state, steps: [] }
      if (input.kind !== 'event') return { state, steps: stepsOf(on[input.kind]?.(state, input, input.key)) }
      const { event, key } = input
      const next = callFold(evolve, event, state, key, state)
      return { state: next, steps: stepsOf(callFold(react, event, next, key, undefined)) }
    },
  })
  // Only types know the state.
  return Object.freeze({ [spec]: definition }) as Process<N, State>
}

/** The facts that begin an instance, by family and type. */
function beginningsOf(where: string, families: Families, names: One<string> | undefined): ByEvent<unknown> {
  const list = names === undefined ? [] : ((Array.isArray(names) ? names : [names]) as readonly string[])
  if (list.length === 0) throw new TypeError(`${where}: begins has to name the facts that begin an instance`)
  // byEvent takes functions.
  return byEvent(`${where}.begins`, families, Object.fromEntries(list.map(name => [name, () => {}])))
}

type OnInput = (state: unknown, input: Input, key: string) => unknown
type ProcessFold = (state: unknown, data: unknown, event: Recorded, key: string) => unknown

const OPTIONS: OptionKinds<keyof ProcessManagerOptions<AnyEvents, AnyDecider, unknown, never, never, never>> = {
  from: 'families',
  to: 'deciders',
  begins: 'any',
  key: 'functions?',
  initial: 'any',
  evolve: 'functions',
  react: 'functions',
  on: 'functions',
  start: 'any?',
  version: 'number?',
}

/** Makes the spec of every kind of process. Throws a TypeError for options that do not fit. */
export function defineProcess(
  where: string,
  name: string,
  options: Pick<ProcessSpec, 'handledTypes' | 'begins' | 'initial' | 'handleInput' | 'needsAccepted' | 'form' | 'stuckBy'> & {
    readonly from: One<AnyEvents>
    readonly to: One<AnyDecider>
    readonly key: object | undefined
    readonly version: number | undefined
    readonly start: Start | undefined
  },
): ProcessSpec {
  checkDefinitionName(where, '_', name)
  const { version = 1, handledTypes, begins, initial, handleInput, needsAccepted, form, stuckBy } = options
  if (!(Number.isSafeInteger(version) && version >= 1 && version < 100_000))
    throw new TypeError(`${where}: expected a version from 1 to 99999, found ${version}`)
  if (initial === null) throw new TypeError(`${where}: a state of null means that the instance has ended`)
  const families = familiesOf(where, options.from)
  if (families.has(name)) throw new TypeError(`${where}: ${name} is the category of its own events; choose another name`)
  const to = (Array.isArray(options.to) ? options.to : [options.to]) as readonly AnyDecider[]
  return {
    kind: 'process',
    name,
    version,
    families,
    handledTypes,
    begins,
    start: compileStart(where, options.start),
    own: processEvents(name),
    key: byEvent<(data: unknown, event: Recorded) => One<string>>(`${where}.key`, families, options.key),
    to: new Set(to.map(decider => decider[spec].name)),
    needsAccepted,
    initial: freezeAll(initial),
    handleInput,
    form,
    stuckBy,
  }
}

function callFold(fold: ByEvent<ProcessFold>, event: Recorded, state: unknown, key: string, otherwise: unknown): unknown {
  const found = fold.get(event.category)?.get(event.type)
  return found ? found(state, event.data, event, key) : otherwise
}

function mergeByEvent(one: ByEvent<unknown>, other: ByEvent<unknown>): ByEvent<unknown> {
  const categories = new Set([...one.keys(), ...other.keys()])
  return new Map(
    [...categories].map(category => [category, new Map([...(one.get(category) ?? []), ...(other.get(category) ?? [])])]),
  )
}

/** Lists one step, several or none. */
export function stepsOf(wanted: unknown): readonly ProcessStep[] {
  if (wanted === undefined || wanted === null) return []
  return (Array.isArray(wanted) ? wanted : [wanted]) as readonly ProcessStep[]
}
