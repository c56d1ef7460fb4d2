// Who causes what: the actors of Emaki's own commands, and who began what such a command follows from.
import type { Meta } from './events.ts'
import { nameProblem } from './names.ts'

type OwnKind = 'process' | 'processor' | 'inbox' | 'schedule'
const OWN: readonly OwnKind[] = ['process', 'processor', 'inbox', 'schedule']

/** The actor of what a process, a processor or an inbox sends: `process:fulfilment`. */
export function ownActor(kind: OwnKind, name: string): string {
  return `${kind}:${name}`
}

/** The kind and name of a part of Emaki by its actor; null: the actor is somebody outside. */
export function nameOfOwnActor(actor: string): { readonly kind: OwnKind; readonly name: string } | null {
  const kind = ownKindOf(actor)
  return kind === undefined ? null : { kind, name: actor.slice(kind.length + 1) }
}

/** Says why a caller cannot be this actor; null if it can. Nobody outside may take the name of a part of Emaki. */
export function callerProblem(actor: unknown): string | null {
  const wrong = nameProblem('an actor', actor)
  if (wrong !== null) return wrong
  // A name is a text.
  const own = ownKindOf(actor as string)
  return own === undefined ? null : `an actor that begins with ${own}: is Emaki's own`
}

/**
 * The actor with whose command it began: the actor itself, or, for what Emaki sends, the initiator of its cause.
 * Undefined: it is not known.
 */
export function initiatorOf({ actor, initiator }: Pick<Meta, 'actor' | 'initiator'>): string | undefined {
  if (initiator !== undefined || actor === undefined) return initiator
  return ownKindOf(actor) === undefined ? actor : undefined
}

function ownKindOf(actor: string): OwnKind | undefined {
  return OWN.find(kind => actor.startsWith(`${kind}:`))
}
