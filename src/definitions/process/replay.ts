// Decides over recorded events as a process would, and sends nothing. Gives the commands and timers, with the event
// that led to them.
import type { Command } from '../decider/command.ts'
import { type Recorded, spec } from '../event/events.ts'
import type { StoredText } from '../event/recorded.ts'
import { foldEvent, type RowEvent, rowEvents } from '../projection/fold.ts'
import { type ProcessInstance, instancesOf, splitOutbox, type AgendaChange } from './instance.ts'
import type { ProcessSpec } from './process.ts'

/** Any process. */
export type AnyProcess = { readonly [spec]: ProcessSpec }

/** One step that a process wants. `due` of a timer is RFC 3339. `error` is the error that a failed decision threw. */
export type DecidedStep =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'timer'; readonly timer: string; readonly due: string; readonly command: Command | null }
  | { readonly kind: 'cancel'; readonly timer: string }
  | { readonly kind: 'failure'; readonly error: string }

/**
 * The event that led to a decision: of another stream, or of the process's own, which holds due timers and refusals.
 */
export type DecidedBy = Pick<Recorded, 'id' | 'stream' | 'version' | 'position' | 'type'>
/** The steps that an instance of a process wants by an event; at least one. */
export type Decision = { readonly instance: string; readonly by: DecidedBy; readonly steps: readonly DecidedStep[] }

/**
 * Gives the steps that a process would want by each of these events, in their order. Give it the log, or a part that
 * holds all events of the instances in question, also those of the process's own streams. An instance that throws
 * handles no more events, as if it were parked.
 *
 * @example
 * const decisions = decisionsOf(fulfilment, await store.readAll({ after: 0, limit: 1_000 }))
 */
export function decisionsOf(process: AnyProcess, events: Iterable<StoredText>): readonly Decision[] {
  const replay = new Replay(process[spec])
  for (const event of events) replay.addEvent(event)
  return replay.decisions
}

/** Decides over events that come one after the other. */
export class Replay {
  readonly decisions: Decision[] = []
  readonly #process: ProcessSpec
  readonly #projection: ReturnType<typeof instancesOf>
  readonly #instances = new Map<string, ProcessInstance>()
  readonly #parked = new Set<string>()

  constructor(process: ProcessSpec) {
    this.#process = process
    this.#projection = instancesOf(process)
  }

  addEvent(stored: StoredText): void {
    for (const rowEvent of rowEvents(this.#projection, stored)) if (!this.#parked.has(rowEvent.key)) this.#fold(rowEvent, stored)
  }

  #fold(rowEvent: RowEvent, stored: StoredText): void {
    const { key } = rowEvent
    try {
      // A process folds to an Instance.
      const next = foldEvent(this.#projection, this.#instances.get(key) ?? null, rowEvent) as ProcessInstance
      const { instance, changes } = splitOutbox(next)
      if (instance) this.#instances.set(key, instance)
      else this.#instances.delete(key)
      if (changes.length) this.#addDecision(key, stored, changes.map(decidedStep))
    } catch (error) {
      this.#parked.add(key)
      this.#addDecision(key, stored, [{ kind: 'failure', error: `${this.#process.name}: ${String(error)}` }])
    }
  }

  #addDecision(instance: string, { id, stream, version, position, type }: StoredText, steps: readonly DecidedStep[]): void {
    const last = this.decisions.at(-1)
    // One stored event may become several of today's.
    if (last?.instance === instance && last.by.position === position)
      this.decisions[this.decisions.length - 1] = { ...last, steps: [...last.steps, ...steps] }
    else this.decisions.push({ instance, by: { id, stream, version, position, type }, steps })
  }
}

function decidedStep(change: AgendaChange): DecidedStep {
  // The name of a timer holds no @.
  if ('isCancelled' in change) return { kind: 'cancel', timer: change.id.slice(change.id.lastIndexOf('@') + 1) }
  const { timer, command, due } = change
  if (timer !== null) return { kind: 'timer', timer, due: new Date(due).toISOString(), command }
  // Only timers come without a command.
  return { kind: 'command', command: command! }
}
