// Fetches what a command needs from outside, before it joins its stream.
import { errorWithoutSecrets } from '../definitions/secret-fields.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { UNAVAILABLE } from './outcome.ts'
import type { Command } from '../definitions/decider/command.ts'
import { commandsOf, type PendingCommand } from './pending-command.ts'

type PreparerOptions = { readonly trace: Trace; readonly report: Report }

/** The longest wait that a timer takes, in ms. */
const TIMER_MS_MAX = 2_147_483_647

export class Preparer {
  readonly #options: PreparerOptions
  /** Preparations that did not end in time, by command. */
  readonly #late = new Map<string, Episode>()

  constructor(options: PreparerOptions) {
    this.#options = options
  }

  /**
   * Runs the preparation of a command, within the time that the command may wait. Gives whether it is to be decided. If
   * not, it has its answer: `unavailable` if its time was over, or else the error of the preparation.
   */
  async prepare(command: PendingCommand): Promise<boolean> {
    const episode = this.#episodeOf(`${command.decider.name}.${command.command.command}`)
    const ending = new AbortController()
    const leave = () => ending.abort(command.signal?.reason)
    const isOver = () => ending.abort(new Error('it did not end while the command could wait'))
    const timer = setTimeout(isOver, Math.min(command.deadline - performance.now(), TIMER_MS_MAX))
    command.signal?.addEventListener('abort', leave)
    if (command.signal?.aborted) leave()
    try {
      command.prepared = await Promise.race([untilAborted(ending.signal), this.#fetch(command, ending.signal)])
      episode.succeed()
      return true
    } catch (error) {
      if (!ending.signal.aborted) command.fail(error)
      else command.answer(UNAVAILABLE)
      if (ending.signal.aborted && !command.signal?.aborted) episode.fail(ending.signal.reason)
      return false
    } finally {
      clearTimeout(timer)
      command.signal?.removeEventListener('abort', leave)
    }
  }

  async #fetch(pending: PendingCommand, signal: AbortSignal): Promise<ReadonlyMap<Command, unknown>> {
    const wanted = commandsOf(pending).filter(({ command }) => pending.decider.prepare.has(command))
    const fetched = await Promise.all(wanted.map(command => this.#run(pending, command, signal)))
    return new Map(wanted.map((command, i) => [command, fetched[i]]))
  }

  #run({ decider, actor, parent }: PendingCommand, command: Command, signal: AbortSignal): Promise<unknown> {
    const name = `${decider.name}.${command.command}`
    const prepare = decider.prepare.get(command.command)!
    return this.#options.trace.step('prepare', [parent], { 'emaki.command': name }, async () => {
      try {
        return await prepare(command.data, { instance: command.id, actor, signal })
      } catch (error) {
        throw errorWithoutSecrets(error, command.data)
      }
    })
  }

  #episodeOf(name: string): Episode {
    const { report } = this.#options
    const what = `The preparation of ${name} is too slow`
    const mend = 'Its commands are answered with 503 meanwhile. Bound its calls with the signal that it gets.'
    const episode = this.#late.get(name) ?? new Episode({ report, what, mend, fields: { command: name } })
    this.#late.set(name, episode)
    return episode
  }
}

/** Whether something has to be fetched before a command, or one that is sent with it, is decided. */
export function needsPreparation({ decider, ...pending }: PendingCommand): boolean {
  return decider.prepare.size > 0 && commandsOf(pending).some(({ command }) => decider.prepare.has(command))
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
