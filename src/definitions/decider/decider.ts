import { noteSecretFields } from '../secret-fields.ts'
import type { z } from 'zod'
import { type Maker, type Event, type EventOf, type Events, type EventsSpec, type Meta, spec } from '../event/events.ts'
import type { OnlyFolds, One } from '../event/families.ts'
import { functionsPart, hashToNumber, readingPart } from '../event/fingerprints.ts'
import type { Misnamed } from '../event/misnamed.ts'
import { freezeAll } from '../event/payload.ts'
import type { Schemas } from '../event/schema.ts'
import { checkKind, checkOptions, type OptionKinds } from '../options.ts'
import { type Command, commands } from './command.ts'
import { nameDecider } from './decider-names.ts'
import { namesAmong } from './names-among.ts'
import { compilePreparations, type OnlyCommands, type Preparations, type Prepare, type Prepared } from './prepare.ts'
import { compileReads, type Instances, type ReadInstances, type ReadsByCommand, type StatesRead } from './reads.ts'
import type { Rejection } from './reject.ts'
import { compileRejections, type RejectionAnswer, type RejectionTable } from './rejections.ts'

/**
 * Values that `decide` gets besides state and data: the id of the instance, the time, and who sent the command. They are
 * data, so that a decision can be made again.
 */
export type Context = {
  readonly instance: string
  readonly now: Date
  /**
   * The caller, or `process:fulfilment`, `processor:mails` or `inbox:payments`, which no caller over HTTP can be. Null:
   * the caller is not known.
   */
  readonly actor: string | null
  /** The caller with whose command it began: the actor itself, or the one behind a process or a processor. */
  readonly initiator: string | null
}

type CommandOf<D extends string, C extends Schemas> = { [N in keyof C & string]: Command<D, N, z.input<C[N]>> }[keyof C & string]
/** What `evolve` gets beside state and data where the decider reads it. */
export type FactContext = { readonly meta: Meta }
/** `M`: whether the decider reads metadata. */
type Folds<S extends Schemas, State, M extends boolean> = {
  [T in keyof S & string]: (state: State, data: z.output<S[T]>, ...fact: M extends true ? [fact: FactContext] : []) => State
}
/** Says which fields of a public view the state does not have, or has with another type. */
type Unshown<Shown, State> = {
  [K in keyof Shown & string]-?: K extends keyof State
    ? State[K] extends Shown[K]
      ? never
      : `the state has another type of ${K}`
    : Misnamed<'field', K, keyof State>
}[keyof Shown & string]
/** What the schemas of commands give. */
type Parsed<C extends Schemas> = { readonly [N in keyof C & string]: z.output<C[N]> }
/**
 * A decider, with a function for each of its commands, which makes the command as data. `P`: what `prepare` fetches.
 * `R`: the instances that decisions read.
 */
export type Decider<D extends string, State, C extends Schemas, P = unknown, R = unknown> = {
  readonly [N in keyof C & string]: Maker<(id: string, data: z.input<C[N]>) => Command<D, N, z.input<C[N]>>>
} & {
  readonly [spec]: DeciderSpec & {
    readonly name: D
    readonly state: State
    readonly command: CommandOf<D, C>
    readonly parsed?: Parsed<C>
    readonly prepared?: P
    readonly read?: R
  }
}

/** The values for a decision, with what was fetched and read for it. */
export type DecideContext = Context & { readonly prepared?: unknown; readonly read?: unknown }

/** A decider as the framework runs it. */
export type DeciderSpec = {
  readonly kind: 'decider'
  readonly name: string
  readonly events: EventsSpec
  readonly initial: unknown
  readonly evolve: ReadonlyMap<string, (state: unknown, data: unknown, fact?: FactContext) => unknown>
  /** Whether `evolve` gets the metadata of facts, so that loads read it. */
  readonly readsMeta: boolean
  readonly commands: ReadonlyMap<string, z.ZodType>
  /** The commands that have no route. */
  readonly internal: ReadonlySet<string>
  readonly decide: ReadonlyMap<string, (state: unknown, data: unknown, context: DecideContext) => One<Event> | Rejection>
  /** What fetches, before a command is decided, what its decision needs from outside. */
  readonly prepare: ReadonlyMap<string, Prepare>
  /** What names the instances whose states a decision reads. */
  readonly reads: ReadonlyMap<string, ReadInstances>
  /** How HTTP answers some rejections, by their codes. */
  readonly rejections: ReadonlyMap<string, RejectionAnswer>
  readonly expose: z.ZodType | null
  /** `fold` names what folds the state. A snapshot that another fold saved is not read. */
  readonly snapshot: { readonly every: number; readonly fold: number } | null
}

type DeciderOptions<
  D extends string,
  S extends Schemas,
  State,
  C extends Schemas,
  M extends boolean,
  E extends Folds<S, State, M>,
  V extends z.ZodType,
  P,
  R,
> = {
  /** The state before the first fact. It is frozen, and so is every state outside of production: return a new one. */
  readonly initial: State
  /**
   * A function `(state, data) => state` for every fact of the family. A name that is missing or misspelt does not
   * compile, nor does a field that the state does not have. A fold that needs neither is written `_ => …`: without
   * a parameter TypeScript takes its literals for any text.
   */
  readonly evolve: E & NoInfer<OnlyFolds<E, keyof S, State>>
  /**
   * Whether the functions of `evolve` get a third value, `{ meta }`: the metadata of the fact, as in `(state, data, {
   * meta }) => …`. Each load reads it then. Default: false.
   */
  readonly readsMeta?: M
  /** A zod schema for each command. Callers send the schema's input, and `decide` gets its output. */
  readonly commands: C
  /**
   * For some commands an async function `(data, { instance, actor, signal })` that fetches what the decision needs
   * from outside, before the command joins its stream. `decide` gets the result as `prepared`. Write it before
   * `decide`, so that TypeScript knows its type. Default: nothing is fetched, and `prepared` is null.
   */
  readonly prepare?: Preparations<C, P> & NoInfer<OnlyCommands<P, C>>
  /**
   * For some commands a function `(data, { instance, self })` that names other instances, at most 8, whose states the
   * decision reads: `{ customer: [customer, data.customerId] }`, or `self(id)` for one of the same decider. `decide`
   * gets their states as `read.customer`. It counts only if none of them has changed when its events are appended;
   * else it is made again. Write it before `decide`. Default: nothing is read, and `read` is null.
   */
  readonly reads?: ReadsByCommand<C, State, R> & NoInfer<OnlyCommands<R, C>>
  /**
   * For every command a function `(state, data, { instance, now, actor, initiator })`. It gives one event, several,
   * none (`[]`) or `reject(code)`. It may run again.
   */
  readonly decide: {
    readonly [N in keyof C & string]: (
      state: State,
      data: z.output<C[N]>,
      context: Context & Prepared<P, N> & StatesRead<R, N>,
    ) => One<EventOf<D, S>> | Rejection
  }
  /**
   * The commands that only processes, processors and code send. They have no route, and are not in OpenAPI. Default:
   * none.
   */
  readonly internal?: readonly NoInfer<keyof C & string>[]
  /**
   * For some codes of `reject` the status and the title of the answer over HTTP, as in `{ 'not-found': 404, taken: {
   * status: 409, title: 'The name is taken' } }`. A status is 403, 404, 409 or 422. Default: 422, with the title of
   * `command-rejected`.
   */
  readonly rejections?: RejectionTable
  /**
   * The schema of the state's public view, which is served at `GET /{decider}/{id}`. Default: the state is not
   * served.
   */
  readonly expose?: V & (NoInfer<State> extends z.input<V> ? unknown : Unshown<z.input<V>, NoInfer<State>>)
  /**
   * Saves the folded state every so many events. A change of `initial`, of `evolve`, of an event's schema or of its
   * upcast makes older snapshots unread: the next load folds all events. Raise `version` when something changes that
   * the text of `evolve` does not show, such as a function that it calls. Default: no snapshots.
   */
  readonly snapshot?: { readonly every: number; readonly version?: number }
}

/**
 * Defines how one kind of instance behaves: its state, how each fact changes the state, and what each command decides.
 *
 * @example
 * const counter = decider(Counter, {
 *   initial: { n: 0 },
 *   evolve: { Added: (s, { by }) => ({ n: s.n + by }) },
 *   commands: { add: z.object({ by: z.int() }) },
 *   decide: { add: (s, { by }) => (s.n + by > 9 ? reject('too-many') : Counter.Added({ by })) },
 * })
 * counter.add('c1', { by: 1 }) // a command, as data
 */
export function decider<
  D extends string,
  S extends Schemas,
  State,
  C extends Schemas,
  E extends Folds<S, State, M>,
  V extends z.ZodType = never,
  P = unknown,
  R extends Readonly<Record<string, Instances>> = Readonly<Record<never, Instances>>,
  const M extends boolean = false,
>(of: Events<D, S>, options: DeciderOptions<D, S, State, C, M, E, V, P, R>): Decider<D, State, C, P, R> {
  checkKind('decider: its first value', of, 'families')
  const family = of[spec]
  checkOptions(`decider(${family.name})`, options, OPTIONS)
  const of_ = { name: family.name, types: [...family.types.keys()], commands: Object.keys(options.commands) }
  const definition: DeciderSpec = {
    kind: 'decider',
    name: family.name,
    events: family,
    initial: freezeAll(options.initial),
    evolve: checkFunctions(`${of_.name}: evolve`, of_.types, options.evolve),
    readsMeta: options.readsMeta ?? false,
    commands: new Map(Object.entries(options.commands)),
    internal: namesAmong(`${of_.name}: internal`, of_.commands, options.internal ?? []),
    decide: checkFunctions(`${of_.name}: decide`, of_.commands, options.decide),
    prepare: compilePreparations(`${of_.name}: prepare`, of_.commands, options.prepare ?? {}),
    reads: compileReads(`${of_.name}: reads`, of_.commands, options.reads ?? {}),
    rejections: compileRejections(of_.name, options.rejections ?? {}),
    expose: options.expose ?? null,
    snapshot: null,
  }
  const snapshot = options.snapshot ? snapshotOf(definition, options.snapshot) : null
  noteSecretFields([...definition.commands.values(), ...(definition.expose ? [definition.expose] : [])])
  // The mapped type describes the object that is built here from values.
  const makers = commands(family.name, definition.commands, definition.internal)
  const whole: DeciderSpec = { ...definition, snapshot }
  nameDecider(whole)
  return Object.freeze(Object.assign(makers, { [spec]: whole })) as Decider<D, State, C, P, R>
}

const OPTIONS: OptionKinds<keyof DeciderOptions<string, Schemas, unknown, Schemas, boolean, never, z.ZodType, unknown, unknown>> =
  {
    initial: 'any',
    // What is missing is named, one by one.
    evolve: 'functions?',
    readsMeta: 'boolean?',
    commands: 'schemas',
    prepare: 'functions?',
    reads: 'functions?',
    decide: 'functions?',
    internal: 'texts?',
    rejections: 'object?',
    expose: 'schema?',
    snapshot: 'object?',
  }

function snapshotOf(
  { name, events, initial, evolve, readsMeta }: DeciderSpec,
  given: { readonly every: number; readonly version?: number },
): DeciderSpec['snapshot'] {
  checkOptions(`decider(${name}): snapshot`, given, { every: 'number', version: 'number?' })
  const { every, version = 1 } = given
  if (!(every > 0 && Number.isSafeInteger(every) && Number.isSafeInteger(version)))
    throw new TypeError(
      `${name}: expected whole numbers for a snapshot, and every above 0; found version ${version}, every ${every}`,
    )
  const state = Bun.inspect(initial, { depth: Number.POSITIVE_INFINITY, sorted: true })
  return {
    every,
    fold: hashToNumber([version, state, readingPart(events), functionsPart(evolve), ...(readsMeta ? ['meta'] : [])]),
  }
}

/** The commands that have a route, with their schemas. */
export function routedCommands({ commands, internal }: DeciderSpec): readonly (readonly [string, z.ZodType])[] {
  return [...commands].filter(([name]) => !internal.has(name))
}

/** The functions by name: exactly one for each of `names`. JavaScript callers get the check that TypeScript makes. */
function checkFunctions<F>(where: string, names: readonly string[], functions: object | undefined): ReadonlyMap<string, F> {
  const given = new Map(Object.entries(functions ?? {}))
  const wrong = [
    ...names.filter(name => typeof given.get(name) !== 'function'),
    ...[...given.keys()].filter(name => !names.includes(name)),
  ]
  if (wrong.length) throw new TypeError(`${where} needs one function for each of ${names.join(', ')}; wrong: ${wrong.join(', ')}`)
  return given
}
