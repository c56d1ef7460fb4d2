// Decisions and folds as plain functions, for the tests of users: no log, no HTTP, no promise.
import type { DecideContext, DeciderSpec } from '../definitions/decider/decider.ts'
import { decide as decideParsed, evolve as evolveFrom } from '../definitions/decider/fold.ts'
import { initiatorOf } from '../definitions/event/actor.ts'
import { type Event, spec } from '../definitions/event/events.ts'
import { encode, freezeAll } from '../definitions/event/payload.ts'
import { type Invalid, type Later, outcomeOfRejection, type Rejected } from '../dispatch/outcome.ts'
import { parseCommand } from '../dispatch/send.ts'
import type { Command } from '../definitions/decider/command.ts'

type AnyDecider = { readonly [spec]: DeciderSpec & { readonly state: unknown; readonly command: Command } }
type StateOf<D extends AnyDecider> = D[typeof spec]['state']

/** What a command comes to: events and the state after them, or the outcome that its sender would get. */
export type Decided<State> =
  | { readonly outcome: 'accepted'; readonly events: readonly Event[]; readonly state: State }
  | Rejected
  | Later
  | Invalid

/**
 * Decides a command on a state, as the framework does: its data is parsed by its schema, decided, checked and folded.
 * `at`: the time, the actor, the initiator and the result of `prepare` that `decide` sees. Defaults: 2030-01-01 at
 * midnight in UTC, nobody, the actor if it is a caller, and null.
 * Throws what `decide` and `evolve` throw, and a PayloadError if an event has data that JSON would change.
 *
 * @example
 * expect(decide(order, { ...order.initial, status: 'paid' }, order.ship('o1', shipment))).toMatchObject({ outcome: 'accepted' })
 */
export function decide<D extends AnyDecider>(
  decider: D,
  state: StateOf<D>,
  command: D[typeof spec]['command'],
  at: Partial<Pick<DecideContext, 'now' | 'actor' | 'initiator' | 'prepared'>> = {},
): Decided<StateOf<D>> {
  const definition = decider[spec]
  const parsed = parseCommand(definition, command)
  if ('outcome' in parsed) return parsed
  const { now = new Date('2030-01-01T00:00:00Z'), actor = null, prepared = null } = at
  const initiator = at.initiator ?? (actor === null ? null : (initiatorOf({ actor }) ?? null))
  const context = { instance: command.id, now, actor, initiator, prepared }
  const decided = decideParsed(definition, freezeAll(state), { ...command, data: parsed.data }, context)
  if ('rejection' in decided) return outcomeOfRejection(decided.rejection)
  for (const { data } of decided.events) encode(data)
  return { outcome: 'accepted', events: decided.events, state: evolve(decider, decided.events, state) }
}

/**
 * Folds facts over a state. Default: over the decider's initial state.
 *
 * @example
 * const paid = evolve(order, [Order.Placed(basket), Order.PaymentConfirmed({})])
 */
export function evolve<D extends AnyDecider>(decider: D, facts: readonly Event[], from?: StateOf<D>): StateOf<D> {
  const state = from === undefined ? decider[spec].initial : freezeAll(from)
  return evolveFrom(decider[spec], { state, version: 0 }, facts).state
}
