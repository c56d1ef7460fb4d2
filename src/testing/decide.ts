// Decisions and folds as plain functions, for the tests of users: no log, no HTTP, no promise.
import type { DecideContext, DeciderSpec } from '../definitions/decider/decider.ts'
import { decide as decideParsed, evolve as evolveFrom } from '../definitions/decider/fold.ts'
import type { StatesRead } from '../definitions/decider/reads.ts'
import { initiatorOf } from '../definitions/event/actor.ts'
import { type Event, type Meta, spec } from '../definitions/event/events.ts'
import { encode, freezeAll } from '../definitions/event/payload.ts'
import { type Invalid, type Later, outcomeOfRejection, type Rejected } from '../dispatch/outcome.ts'
import { parseCommand } from '../dispatch/send.ts'
import type { Command } from '../definitions/decider/command.ts'

type AnyDecider = { readonly [spec]: DeciderSpec & { readonly state: unknown; readonly command: Command } }
type StateOf<D extends AnyDecider> = D[typeof spec]['state']
type FactOf<D extends AnyDecider> = Event<D[typeof spec]['name']>
type CommandOf<D extends AnyDecider> = D[typeof spec]['command']
/** The values that `decide` sees beside state and data. A command needs what it has prepared, and the states that it reads. */
type At<D extends AnyDecider, X extends Command> = keyof Needed<D, X> extends never ? [at?: Moment] : [at: Moment & Needed<D, X>]
type Needed<D extends AnyDecider, X extends Command> = NeededPrepared<D, X> & NeededRead<D, X>
type NeededPrepared<D extends AnyDecider, X extends Command> = D[typeof spec] extends { readonly prepared?: infer P }
  ? X['command'] extends keyof P
    ? { readonly prepared: P[X['command']] }
    : unknown
  : unknown
type NeededRead<D extends AnyDecider, X extends Command> = D[typeof spec] extends { readonly read?: infer R }
  ? X['command'] extends keyof R
    ? StatesRead<R, X['command']>
    : unknown
  : unknown
type Moment = Partial<Pick<DecideContext, 'now' | 'actor' | 'initiator'>> & GivenMeta
/** Metadata of facts, for a decider whose `evolve` reads it. */
type GivenMeta = { readonly meta?: Partial<Meta> }

/** What a command comes to: events and the state after them, or the outcome that its sender would get. */
export type Decided<State, Fact extends Event = Event> =
  | { readonly outcome: 'accepted'; readonly events: readonly Fact[]; readonly state: State }
  | Rejected
  | Later
  | Invalid

/**
 * Decides a command on a state, as the framework does: its data is parsed by its schema, decided, checked and folded.
 * `at`: the time, the actor, the initiator, the result of `prepare` and the states of `reads` that `decide` sees, and the
 * `meta` of its events. Defaults: 2030-01-01 at midnight in UTC, nobody, the actor if it is a caller, and null.
 * Throws what `decide` and `evolve` throw, and a PayloadError if an event has data that JSON would change.
 *
 * @example
 * expect(decide(order, { ...order.initial, status: 'paid' }, order.ship('o1', shipment))).toMatchObject({ outcome: 'accepted' })
 */
export function decide<D extends AnyDecider, X extends CommandOf<D>>(
  decider: D,
  state: StateOf<D>,
  command: X,
  ...[at = {}]: At<D, X>
): Decided<StateOf<D>, FactOf<D>> {
  const definition = decider[spec]
  const parsed = parseCommand(definition, command)
  if ('outcome' in parsed) return parsed
  const { now = new Date('2030-01-01T00:00:00Z'), actor = null, prepared = null, read = null } = at as Partial<DecideContext>
  const { meta = {} } = at as GivenMeta
  const initiator = at.initiator ?? (actor === null ? null : (initiatorOf({ actor }) ?? null))
  const context = { instance: command.id, now, actor, initiator, prepared, read: freezeAll(read) }
  const decided = decideParsed(definition, freezeAll(state), { ...command, data: parsed.data }, context)
  if ('rejection' in decided) return outcomeOfRejection(decided.rejection)
  for (const { data } of decided.events) encode(data)
  // A decision gives events of its own family only.
  const events = decided.events as readonly FactOf<D>[]
  const by = { ...(actor !== null && { actor }), ...(at.initiator && { initiator: at.initiator }), ...meta }
  return {
    outcome: 'accepted',
    events,
    state: evolve(
      decider,
      events.map(event => ({ ...event, meta: by })),
      state,
    ),
  }
}

/**
 * Folds facts over a state. Default: over the decider's initial state. Throws a TypeError for a fact of another family.
 * A fact may have the `meta` that `evolve` reads: `{ ...Order.Placed(basket), meta: { actor: 'ann' } }`.
 *
 * @example
 * const paid = evolve(order, [Order.Placed(basket), Order.PaymentConfirmed({})])
 */
export function evolve<D extends AnyDecider>(
  decider: D,
  facts: readonly (FactOf<D> & GivenMeta)[],
  from?: StateOf<D>,
): StateOf<D> {
  const { name, evolve: folds } = decider[spec]
  const stranger = facts.find(({ category, type }) => category !== name || !folds.has(type))
  if (stranger) throw new TypeError(`${stranger.category}.${stranger.type} is no event of ${name}`)
  const state = from === undefined ? decider[spec].initial : freezeAll(from)
  const metaOf = (event: Event & GivenMeta) => ({ correlation: 'test', causation: 'test', ...event.meta })
  return evolveFrom(decider[spec], { state, version: 0 }, facts, metaOf).state
}
