// Who may do what, as data: a rule for each part of a definition.
import type { DeciderSpec } from '../decider/decider.ts'
import { spec } from '../event/events.ts'
import type { Projection, ProjectionSpec } from '../projection/projection.ts'
import type { QuerySpec } from '../query.ts'
import type { Caller } from './caller.ts'

/** True: the caller may. False: it may not, which answers 403. `hidden`: it may not know that this exists: 404. */
export type Verdict = boolean | 'hidden'
/** Decides who may. A pure function; or `all`, which lets everybody. */
export type Rule<Ask> = 'all' | ((ask: Ask) => Verdict)

/** What a rule is asked: by whom. Null: the caller is not known. */
type By = { readonly actor: Caller | null }
/** May the caller see this instance? `state`: the state of the instance now; `initial` if it has no events. */
export type StateAsk<State = unknown> = By & { readonly instance: string; readonly state: State }
/** May the caller send this command? `data`: the output of its schema. `state`: the state on which it is decided. */
export type CommandAsk<State = unknown, Data = unknown> = StateAsk<State> & { readonly command: string; readonly data: Data }
/** May the caller read all events of this category? */
export type EventsAsk = By
/** May the caller read the row of this key? Null: the list of rows. */
export type RowAsk = By & { readonly key: string | null }
/** May the caller ask this? `params`: the output of the query's schema. */
export type QueryAsk<Params = unknown> = By & { readonly params: Params }
/** The rows that a known caller sees: those whose indexes have these values. True: all. Nobody else sees any. */
export type Visible<Where = Readonly<Record<string, unknown>>> = (actor: Caller) => Where | Verdict

/** The rules of a decider. What is left out is refused. */
export type DeciderRules<State, Parsed> = {
  /** `POST /{decider}/{id}/{command}`: one rule for all commands, or one for each. */
  readonly commands?:
    | Rule<CommandAsk<State, Parsed[keyof Parsed]>>
    | { readonly [N in keyof Parsed]?: Rule<CommandAsk<State, Parsed[N]>> }
  /** `GET /{decider}/{id}`. */
  readonly state?: Rule<StateAsk<State>>
  /** The events of one instance: `GET /streams/{stream}`, `GET /events?stream={stream}`. */
  readonly stream?: Rule<StateAsk<State>>
  /** The events of all instances: `GET /events?category={decider}`. */
  readonly events?: Rule<EventsAsk>
}
/** The rules of a projection. `read` refuses a row or a list; `visible` chooses the rows. Default of both: `all`. */
export type ProjectionRules<Where> = { readonly read?: Rule<RowAsk>; readonly visible?: Visible<Where> }

/** A definition with its rules. */
export type Allowed = {
  readonly of: DeciderSpec | ProjectionSpec | QuerySpec
  readonly rules: Rule<never> | Readonly<Record<string, unknown>>
}

type Definition = { readonly [spec]: Allowed['of'] }
type AnyDecider = { readonly [spec]: DeciderSpec & { readonly state: unknown; readonly parsed?: object } }
/** The rules of a definition. One type and no overloads: an error is at what is wrong, and names what is there. */
type RulesOf<D extends Definition> = D extends AnyDecider
  ? Rule<StateAsk<D[typeof spec]['state']>> | DeciderRules<D[typeof spec]['state'], NonNullable<D[typeof spec]['parsed']>>
  : D extends Projection<string, infer Row, infer I>
    ? Rule<RowAsk> | ProjectionRules<{ readonly [P in I]?: Row[P & keyof Row] }>
    : D extends { readonly [spec]: QuerySpec & { readonly parsed?: infer P } }
      ? Rule<QueryAsk<P>>
      : never

/**
 * Says who may use a definition over HTTP. Give it to the option `authorize` of an app. A rule is a pure function, or
 * `all`.
 *
 * - Of a decider: one rule for its commands, states and streams; or a rule for each of them.
 * - Of a projection: one rule for its rows and lists; or `read`, and `visible`, which gives the rows that a caller sees
 *   by the values of indexes. It is part of the statement to the database.
 * - Of a query: one rule.
 *
 * @example
 * const isOwner = ({ actor, state }) => state.customerId === actor?.id || 'hidden'
 * allow(order, { commands: { place: ({ actor }) => actor !== null, cancel: isOwner }, state: isOwner })
 * allow(orders, { visible: actor => ({ customerId: actor.id }) })
 * allow(sales, ({ actor }) => actor?.claims.roles?.includes('analyst') ?? false)
 */
export function allow<D extends Definition>(of: D, rules: RulesOf<D>): Allowed
export function allow(of: Definition, rules: Allowed['rules']): Allowed {
  const definition = of[spec]
  if (!isRule(rules)) checkRules(definition, rules)
  return Object.freeze({ of: definition, rules })
}

const PARTS = {
  decider: ['commands', 'state', 'stream', 'events'],
  projection: ['read', 'visible'],
  query: [],
} as const

function isRule(value: unknown): value is Rule<never> {
  return value === 'all' || typeof value === 'function'
}

/**
 * JavaScript callers get the check that TypeScript makes. A part without a rule is an error: it may come of a condition,
 * and nobody can see whether it was meant to open or to close.
 */
function checkRules(of: Allowed['of'], rules: unknown): void {
  if (typeof rules !== 'object' || rules === null || Array.isArray(rules))
    throw new TypeError(`allow(${of.name}): expected a function, 'all', or rules by name`)
  checkParts(of, rules as Readonly<Record<string, unknown>>)
}

function checkParts(of: Allowed['of'], rules: Readonly<Record<string, unknown>>): void {
  const parts: readonly string[] = PARTS[of.kind]
  const stranger = Object.keys(rules).find(name => !parts.includes(name))
  if (stranger !== undefined)
    throw new TypeError(`allow(${of.name}): a ${of.kind} has no ${stranger}; there are ${parts.join(', ') || 'no parts'}`)
  if (Object.keys(rules).length === 0) throw new TypeError(`allow(${of.name}) has no rule`)
  const { commands } = rules
  const isTable = of.kind === 'decider' && typeof commands === 'object' && commands !== null
  const single = Object.entries(rules).filter(([name]) => !(isTable && name === 'commands'))
  for (const [name, rule] of [...single, ...Object.entries(isTable ? commands : {})])
    if (!isRule(rule)) throw new TypeError(`allow(${of.name}): ${name} is no function and not 'all', but ${Bun.inspect(rule)}`)
  if (!isTable) return
  const unknown = Object.keys(commands).find(name => !of.commands.has(name))
  if (unknown !== undefined)
    throw new TypeError(`allow(${of.name}): there is no command ${unknown}; there are ${[...of.commands.keys()].join(', ')}`)
}
