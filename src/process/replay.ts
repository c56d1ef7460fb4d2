// What a process makes of recorded events, without sending any of it: what it would want of whom, and by which event.
import type { Command } from '../decider/command.ts'
import { type Recorded, spec } from '../event/events.ts'
import type { StoredText } from '../event/recorded.ts'
import { applied, type Touch, touches } from '../projection/fold.ts'
import { type Instance, instancesOf, parted, type Wish } from './instance.ts'
import type { ProcessSpec } from './process.ts'

/** Some process. */
export type AnyProcess = { readonly [spec]: ProcessSpec }

/** One thing that a process wants. Of a timer, `due` is as RFC 3339; of a failure, what was thrown where a decision was due. */
export type DecidedStep =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'timer'; readonly timer: string; readonly due: string; readonly command: Command | null }
  | { readonly kind: 'cancel'; readonly timer: string }
  | { readonly kind: 'failure'; readonly error: string }

/** The event that a process is told: of somebody else, or of its own stream, where timers fall due and refusals come back. */
export type DecidedBy = Pick<Recorded, 'id' | 'stream' | 'version' | 'position' | 'type'>
/** What an instance of a process wants by an event. Never of nothing. */
export type Decision = { readonly instance: string; readonly by: DecidedBy; readonly steps: readonly DecidedStep[] }

/**
 * What a process would want by each of these events, in their order: the log, or any part of it that holds all events of the instances in
 * question, those of the process's own streams among them. Where it throws, the instance is told no more, as it would be parked.
 *
 * @example
 * const decisions = decisionsOf(fulfilment, await store.readAll({ after: 0, limit: 1_000 }))
 */
export function decisionsOf(process: AnyProcess, events: Iterable<StoredText>): readonly Decision[] {
  const replay = new Replay(process[spec])
  for (const event of events) replay.take(event)
  return replay.decisions
}

class Replay {
  readonly decisions: Decision[] = []
  readonly #process: ProcessSpec
  readonly #projection: ReturnType<typeof instancesOf>
  readonly #instances = new Map<string, Instance>()
  readonly #parked = new Set<string>()

  constructor(process: ProcessSpec) {
    this.#process = process
    this.#projection = instancesOf(process)
  }

  take(stored: StoredText): void {
    for (const touch of touches(this.#projection, stored)) if (!this.#parked.has(touch.key)) this.#fold(touch, stored)
  }

  #fold(touch: Touch, stored: StoredText): void {
    const { key } = touch
    try {
      // What a process folds to is an instance.
      const next = applied(this.#projection, this.#instances.get(key) ?? null, touch) as Instance
      const { kept, wishes } = parted(next)
      if (kept) this.#instances.set(key, kept)
      else this.#instances.delete(key)
      if (wishes.length) this.#decided(key, stored, wishes.map(stepOf))
    } catch (error) {
      this.#parked.add(key)
      this.#decided(key, stored, [{ kind: 'failure', error: `${this.#process.name}: ${String(error)}` }])
    }
  }

  #decided(instance: string, { id, stream, version, position, type }: StoredText, steps: readonly DecidedStep[]): void {
    const last = this.decisions.at(-1)
    // One stored event may be several of today's.
    if (last?.instance === instance && last.by.position === position)
      this.decisions[this.decisions.length - 1] = { ...last, steps: [...last.steps, ...steps] }
    else this.decisions.push({ instance, by: { id, stream, version, position, type }, steps })
  }
}

function stepOf(wish: Wish): DecidedStep {
  // The name of a timer holds no @.
  if ('isCancelled' in wish) return { kind: 'cancel', timer: wish.id.slice(wish.id.lastIndexOf('@') + 1) }
  const { timer, command, due } = wish
  if (timer !== null) return { kind: 'timer', timer, due: new Date(due).toISOString(), command }
  // Only timers come without a command.
  return { kind: 'command', command: command! }
}
