import type { PendingCommand } from './pending-command.ts'

/**
 * From this moving average on, a command is decided as if its stream were new: in one round trip instead of two.
 * Measured with one event for each new stream, 64 callers, PostgreSQL: 29 k commands/s instead of 20 k.
 */
const ASSUMED_NEW_FROM = 0.8
const WEIGHT = 0.1

/** How often the streams of each kind of command were new, as an exponentially weighted moving average. */
export class NewnessAverage {
  readonly #averages = new Map<string, number>()

  observe(command: PendingCommand, isNew: boolean): void {
    const name = nameOf(command)
    const average = this.#averages.get(name) ?? 0
    this.#averages.set(name, average + WEIGHT * (Number(isNew) - average))
  }

  isLikelyNew(command: PendingCommand): boolean {
    return (this.#averages.get(nameOf(command)) ?? 0) > ASSUMED_NEW_FROM
  }
}

function nameOf({ decider, command }: PendingCommand): string {
  return `${decider.name}.${command.command}`
}
