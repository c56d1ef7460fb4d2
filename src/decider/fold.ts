import { type Event, spec } from '../event/events.ts'
import { freeze } from '../event/payload.ts'
import { type Fact, read } from '../event/read.ts'
import type { Command } from './command.ts'
import type { Context, DeciderSpec } from './decider.ts'
import type { Rejection } from './reject.ts'

/** A state and the version of the stream that gave it. */
export type Folded = { readonly state: unknown; readonly version: number }

/**
 * Folds stored facts, in the order of their versions, over a state. The fold of parts is the fold of the whole.
 * The result is frozen. Throws UnreadableEvent where this release cannot read a fact.
 */
export function fold(decider: DeciderSpec, stream: string, from: Folded, facts: readonly Fact[]): Folded {
  let { state, version } = from
  for (const fact of facts) {
    version += 1
    for (const event of read(decider.events, stream, version, fact)) state = decider.evolve.get(event.type)!(state, event.data)
  }
  return { state: freeze(settled(decider, 'evolve', state)), version }
}

/** The state after events that a decision just gave. */
export function evolve(decider: DeciderSpec, from: Folded, events: readonly Event[]): Folded {
  const state = events.reduce((state, event) => decider.evolve.get(event.type)!(state, event.data), from.state)
  return { state: freeze(settled(decider, 'evolve', state)), version: from.version + events.length }
}

/** What a decision came to. */
export type Decision = { readonly events: readonly Event[] } | { readonly rejection: Rejection }

/** Decides a command whose data its schema has parsed. Throws where `decide` is not pure or gives another family's events. */
export function decide(decider: DeciderSpec, state: unknown, command: Command, context: Context): Decision {
  const decided = settled(decider, command.command, decider.decide.get(command.command)!(state, command.data, context))
  if (spec in (decided as object)) return { rejection: decided as Rejection }
  const events = (Array.isArray(decided) ? decided : [decided]) as readonly Event[]
  const stranger = events.find(event => event?.category !== decider.name || !decider.evolve.has(event.type))
  if (stranger !== undefined)
    throw new TypeError(
      `${decider.name}.${command.command} decided ${JSON.stringify(stranger)}, which is no event of ${decider.name}`,
    )
  return { events }
}

function settled<T>(decider: DeciderSpec, where: string, value: T): T {
  if (value === undefined || typeof (value as { then?: unknown } | null)?.then === 'function') {
    throw new TypeError(
      `${decider.name}: ${where} gave ${value === undefined ? 'nothing' : 'a promise'}; it returns a plain value`,
    )
  }
  return value
}
