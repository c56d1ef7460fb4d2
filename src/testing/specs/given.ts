// Given, when, then: examples of what deciders, projections, processes and queries do.
import type { Command } from '../../definitions/decider/command.ts'
import type { DeciderSpec } from '../../definitions/decider/decider.ts'
import { findDecider } from '../../definitions/decider/decider-names.ts'
import { definitionOf, type Served } from '../../definitions/definition.ts'
import { type Event, spec } from '../../definitions/event/events.ts'
import type { AnyProcess } from '../../definitions/process/replay.ts'
import type { Projection } from '../../definitions/projection/projection.ts'
import type { Query } from '../../definitions/query.ts'
import { runAnswer } from './answer.ts'
import { type DecisionMoment, runDecision } from './decision.ts'
import { type AnswerExpected, type DecisionExpected, type ReactionExpected, type RowExpected, showExpected } from './expected.ts'
import { type Fact, listPast, type Past } from './past.ts'
import { runReaction } from './reaction.ts'
import { runRows } from './rows.ts'
import { checkReport, requireRun, Spec, type SpecReport } from './spec.ts'

type AnyDecider = { readonly [spec]: DeciderSpec & { readonly state: unknown; readonly command: Command } }
type FactOf<D extends AnyDecider> = Event<D[typeof spec]['name']> & Pick<Fact, 'meta'>
type Then<Expected, R extends void | Promise<void> = void> = {
  /** Makes the example. Give it to `verify`, or call its `run`. */
  readonly then: (...expected: readonly Expected[]) => Spec<R>
}
type When<D extends AnyDecider> = {
  /** `context`: what `decide` sees beside state and data. */
  readonly when: (
    command: D[typeof spec]['command'],
    context?: DecisionMoment,
  ) => Then<DecisionExpected<Event, D[typeof spec]['state']>>
}

/** What `given` takes: what is tried, and what happened before. */
type Given = {
  /** A decider, and the facts of one of its instances. */
  <D extends AnyDecider>(decider: D, ...past: readonly Past<FactOf<D>>[]): When<D>
  /** A projection, and the facts that it folds. */
  <N extends string, Row, I extends string>(
    projection: Projection<N, Row, I>,
    ...past: readonly Past<Fact>[]
  ): Then<RowExpected<Row>>
  /** A process manager or a saga, and its inputs. What it does on the last one is what is looked at. */
  (process: AnyProcess, ...past: readonly Past[]): Then<ReactionExpected>
  /** A query with the projections that it reads, and the facts that these fold. */
  <N extends string, P, A>(
    serve: readonly [Query<N, P, A>, ...Served[]],
    ...past: readonly Past<Fact>[]
  ): { readonly when: (params: P) => Then<AnswerExpected<A>, Promise<void>> }
  /** The facts of one instance. The command names its decider, which has to be the only one of that name. */
  (...past: readonly Past<Fact>[]): { readonly when: (command: Command, context?: DecisionMoment) => Then<DecisionExpected> }
}

/**
 * Begins an example: what happened before. `when` says what is done, and `then` what it has to come to.
 *
 * @example
 * given(Order.Placed(basket)).when(order.ship('o1', shipment)).then(rejected('not-paid', { status: 'placed' }))
 * given(fulfilment, of('o1', Order.Placed(basket))).then(wants(inventory.reserve('a', { order: 'o1', qty: 2 })), due('15 minutes', 'unpaid'))
 * given(orders, of('o1', Order.Placed(basket))).then(row('o1', { status: 'placed' }))
 * given([busiest, orders], of('o1', Order.Placed(basket))).when({ limit: 1 }).then(answers([{ customerId: 'c1', orders: 1 }]))
 */
export const given = ((first?: unknown, ...rest: readonly Past[]) => {
  if (Array.isArray(first)) return askedOf(first as readonly Served[], rest as readonly Past<Fact>[])
  const definition = typeof first === 'object' && first !== null && spec in first ? definitionOf(first as Served) : null
  if (definition?.kind === 'decider') return decidedBy(() => definition, rest as readonly Past<Fact>[])
  if (definition?.kind === 'projection')
    return thenOf(definition.name, rest, (expected: readonly RowExpected[]) =>
      runRows({ definition, past: rest as readonly Past<Fact>[], expected }),
    )
  if (definition?.kind === 'process')
    return thenOf(definition.name, rest, (expected: readonly ReactionExpected[]) =>
      runReaction({ definition, past: rest, expected }),
    )
  if (definition) throw new TypeError(`given(${definition.name}): a ${definition.kind} has no examples`)
  const past = first === undefined ? [] : [first as Past<Fact>, ...(rest as readonly Past<Fact>[])]
  // Only deciders are named there.
  return decidedBy(({ decider, command }) => findDecider(decider, command) as DeciderSpec, past)
}) as Given

function decidedBy(deciderOf: (command: Command) => DeciderSpec, past: readonly Past<Fact>[]) {
  const when = (command: Command, context: DecisionMoment = {}) => {
    const definition = deciderOf(command)
    return thenOf(`${definition.name}.${command.command}`, past, (expected: readonly DecisionExpected[]) =>
      runDecision({ definition, past, command, context, expected }),
    )
  }
  return { when: once('given', when) }
}

function askedOf(serve: readonly Served[], past: readonly Past<Fact>[]) {
  const { name } = definitionOf(serve[0]!)
  const when = (params: unknown) => ({
    // biome-ignore lint/suspicious/noThenProperty: it is the word for it, and what is not run is an error.
    then: once(`given ${name}`, (...expected: readonly AnswerExpected[]) => {
      const title = titleOf(name, past, expected)
      return new Spec(title, async () => checkReport(title, await runAnswer({ serve, past, params, expected })))
    }),
  })
  return { when: once(`given ${name}`, when) }
}

function thenOf<E extends DecisionExpected | ReactionExpected | RowExpected>(
  name: string,
  past: readonly Past[],
  report: (expected: readonly E[]) => SpecReport,
) {
  const then = (...expected: readonly E[]) => {
    const title = titleOf(name, past, expected)
    return new Spec(title, () => checkReport(title, report(expected)))
  }
  // biome-ignore lint/suspicious/noThenProperty: it is the word for it, and what is not run is an error.
  return { then: once(`given, when ${name}`, then) }
}

/** A step of an example, without which nothing is tried. */
function once<A extends readonly unknown[], R>(before: string, step: (...values: A) => R): (...values: A) => R {
  let isTaken = false
  requireRun(() => isTaken, before)
  return (...values) => {
    isTaken = true
    return step(...values)
  }
}

function titleOf(name: string, past: readonly Past[], expected: readonly Parameters<typeof showExpected>[0][]): string {
  const types = listPast(past).map(({ what }) => ('answer' in what ? what.answer : what.type))
  const after = types.length ? ` after ${types.join(', ')}` : ''
  return `${name}${after}: ${expected.map(showExpected).join('; ')}`
}
