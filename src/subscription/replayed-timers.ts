// The timers of a process whose instances are folded again. What was set stays set. Nothing is set that would fall due
// at once because of an event of long ago.
import type { AgendaChange } from '../definitions/process/instance.ts'
import { nextTime } from '../definitions/recurrence.ts'
import type { Agenda } from '../ports/agenda/agenda.ts'

/** More than any agenda holds. */
const TIMERS_MAX = 2_147_483_647

export class ReplayedTimers {
  readonly #agenda: Agenda
  /** The timers in the agenda that were not set again yet: their ids, with the positions that set them. */
  readonly #armed: Map<string, number>
  readonly #kept = new Set<string>()
  readonly #left = new Set<string>()
  readonly #now: number

  private constructor(agenda: Agenda, armed: Map<string, number>, now: number) {
    this.#agenda = agenda
    this.#armed = armed
    this.#now = now
  }

  static async read(agenda: Agenda, owner: string): Promise<ReplayedTimers> {
    const entries = await agenda.list({ owner, timers: true, limit: TIMERS_MAX })
    const { now } = await agenda.due(owner, 1)
    return new ReplayedTimers(agenda, new Map(entries.map(({ id, set }) => [id, set])), now)
  }

  /** How many timers were left out, because they are new and would be due already. */
  get left(): number {
    return this.#left.size
  }

  /** The timers of an instance that are set again. One whose times come again is set for the next of them. */
  keep(timers: readonly AgendaChange[]): readonly AgendaChange[] {
    return timers
      .map(timer => (this.#isAhead(timer) || !('every' in timer) ? timer : { ...timer, due: nextTime(timer.every, this.#now) }))
      .filter(timer => {
        const isKept = this.#isAhead(timer)
        const list = isKept ? this.#kept : this.#left
        list.add(timer.id)
        return isKept
      })
  }

  /** Whether a timer is set in the agenda, or is due later. */
  #isAhead(timer: AgendaChange): boolean {
    return this.#armed.has(timer.id) || ('due' in timer && timer.due > this.#now)
  }

  /** Removes the timers that no instance has any more. */
  async removeOthers(): Promise<void> {
    const others = [...this.#armed].flatMap(([id, set]) => (this.#kept.has(id) ? [] : [{ id, set }]))
    if (others.length) await this.#agenda.done(others)
  }
}
