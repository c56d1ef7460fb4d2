import { checkEvent, type Event, type Meta, spec } from '../event/events.ts'
import { errorWithoutSecrets } from '../secret-fields.ts'
import { freeze } from '../event/payload.ts'
import { type StoredFact, read } from '../event/read.ts'
import type { Command } from './command.ts'
import type { DecideContext, DeciderSpec, FactContext } from './decider.ts'
import type { Rejection } from './reject.ts'

/** A state and the version of the stream that gave it. */
export type Folded = { readonly state: unknown; readonly version: number }

/**
 * Folds stored facts, in the order of their versions, over a state. A fold in parts gives the same as a fold of the
 * whole.
 * The result is frozen. Throws UnreadableEvent if this release cannot read a fact.
 */
export function fold(decider: DeciderSpec, stream: string, from: Folded, facts: readonly StoredFact[]): Folded {
  let { state, version } = from
  for (const fact of facts) {
    version += 1
    const context = decider.readsMeta ? contextOf(fact.meta, fact.schema) : null
    for (const event of read(decider.events, stream, version, fact)) state = applyEvent(decider, state, event, context)
  }
  return { state: freeze(state), version }
}

/**
 * Gives the state after events that were just decided. Each state on the way is frozen, so an `evolve` that writes to
 * its state fails at its first use. Freezing costs more than folding, so `fold` freezes only its result. `metaOf` gives the
 * metadata of an event, for a decider that reads it.
 */
export function evolve(
  decider: DeciderSpec,
  from: Folded,
  events: readonly Event[],
  metaOf: (event: Event) => StoredFact['meta'] = () => undefined,
): Folded {
  const contextOfEvent = (event: Event) =>
    decider.readsMeta ? contextOf(metaOf(event), decider.events.types.get(event.type)!.fingerprint) : null
  const state = events.reduce((state, event) => freeze(applyEvent(decider, state, event, contextOfEvent(event))), from.state)
  return { state, version: from.version + events.length }
}

/** What a fold gets beside state and data. */
function contextOf(meta: StoredFact['meta'], schema: string): FactContext {
  if (!meta) throw new TypeError('a fold that reads metadata got a fact without it')
  return freeze({ meta: { ...meta, schema } satisfies Meta }) as FactContext
}

function applyEvent(decider: DeciderSpec, state: unknown, { type, data }: Event, context: FactContext | null): unknown {
  const fold = decider.evolve.get(type)!
  try {
    return requireValue(decider, 'evolve', type, context ? fold(state, data, context) : fold(state, data))
  } catch (error) {
    throw errorWithoutSecrets(error, state, data)
  }
}

/** The result of a decision: events, or a rejection. */
export type DeciderResult = { readonly events: readonly Event[] } | { readonly rejection: Rejection }

/** Decides a command that its schema has parsed. Throws if `decide` is not pure, or gives events of another family. */
export function decide(decider: DeciderSpec, state: unknown, command: Command, context: DecideContext): DeciderResult {
  let decided: unknown
  try {
    decided = requireValue(decider, 'decide', command.command, decider.decide.get(command.command)!(state, command.data, context))
    return checkDecided(decider, command, decided)
  } catch (error) {
    throw errorWithoutSecrets(error, state, command.data, context, decided)
  }
}

function checkDecided(decider: DeciderSpec, command: Command, decided: unknown): DeciderResult {
  if (typeof decided === 'object' && decided !== null && spec in decided) return { rejection: decided as Rejection }
  const events = (Array.isArray(decided) ? decided : [decided]) as readonly Event[]
  const stranger = events.findIndex(event => event?.category !== decider.name || !decider.evolve.has(event.type))
  if (stranger >= 0)
    throw new TypeError(
      `${decider.name}.${command.command} decided ${Bun.inspect(events[stranger])}, which is no event of ${decider.name}`,
    )
  return { events: events.map(event => checkEvent(decider.events, event)) }
}

/**
 * Gives the value of a pure function. Throws for undefined and for a promise, whose own failure is then part of this
 * error.
 */
function requireValue<T>(decider: DeciderSpec, part: string, name: string, value: T): T {
  if (value !== undefined && typeof (value as { then?: unknown } | null)?.then !== 'function') return value
  Promise.resolve(value).catch(() => {})
  const what = value === undefined ? 'nothing' : 'a promise'
  throw new TypeError(`${decider.name}: ${part} of ${name} gave ${what}; it returns a plain value`)
}
