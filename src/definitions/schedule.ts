import { checkDefinitionName, type DefinitionName } from './definition-name.ts'
import type { Command } from './decider/command.ts'
import { spec } from './event/events.ts'
import type { One } from './event/families.ts'
import { nameProblem } from './event/names.ts'
import { checkOptions } from './options.ts'
import type { AnyDecider, CommandsTo } from './process/process.ts'
import type { Recurrence } from './recurrence.ts'

/** A schedule as the framework runs it. */
export type ScheduleSpec = {
  readonly kind: 'schedule'
  readonly name: string
  readonly every: Recurrence
  /** The deciders that the schedule sends to. */
  readonly to: ReadonlySet<string>
  readonly missed: 'last' | 'none'
  /** The commands for a time, which is RFC 3339 in UTC. */
  readonly commandsAt: (at: string) => readonly Command[]
}
export type RecurringSchedule<N extends string> = { readonly [spec]: ScheduleSpec & { readonly name: N } }

const COMMANDS_MAX = 1_000

/** The owner of a schedule's entries in the agenda, and the name of its lease. */
export function scheduleOwner({ name }: Pick<ScheduleSpec, 'name'>): string {
  return `${SCHEDULE_PREFIX}${name}`
}
/** What the names of all owners of schedules begin with. */
export const SCHEDULE_PREFIX = 'schedule_'

type ScheduleOptions<D extends AnyDecider> = {
  /** The times, by `every(cron, { zone })`. */
  readonly every: Recurrence
  /** The decider or deciders that it may send commands to. */
  readonly to: One<D>
  /** A pure function of the time, as RFC 3339 in UTC. It gives the commands of that time: one, several or none. */
  readonly send: (at: string) => One<CommandsTo<D>> | undefined
  /**
   * What becomes of times that passed while no process ran. `last`: the last of them is sent late. `none`: a time
   * that is more than a minute late is left out. Either is reported (`schedule-late`). Default: `last`.
   */
  readonly missed?: 'last' | 'none'
}

/**
 * Sends commands at times that come again. All processes that serve a schedule send them once, together.
 *
 * EXACTLY ONCE: the commands of a time and the next time are written together. Each command has its time in its
 * idempotency key.
 *
 * @example
 * schedule('nightly', {
 *   every: every('0 3 * * *', { zone: 'Europe/Berlin' }),
 *   to: shop,
 *   send: at => shop.close('main', { day: at }),
 * })
 */
export function schedule<const N extends string, D extends AnyDecider>(
  name: DefinitionName<N, '-'>,
  options: ScheduleOptions<D>,
): RecurringSchedule<N> {
  const where = `schedule('${name}')`
  checkDefinitionName(where, '-', name)
  checkOptions(where, options, { every: 'any', to: 'deciders', send: 'function', missed: 'text?' })
  const { every, missed = 'last' } = options
  if (typeof every?.cron !== 'string') throw new TypeError(`${where}: every takes every('0 3 * * *', { zone: 'Europe/Berlin' })`)
  if (missed !== 'last' && missed !== 'none')
    throw new TypeError(`${where}: missed is 'last' or 'none', found ${Bun.inspect(missed)}`)
  const deciders = (Array.isArray(options.to) ? options.to : [options.to]) as readonly AnyDecider[]
  const to = new Set(deciders.map(decider => decider[spec].name))
  // Only types know which commands these are.
  const commandsAt = (at: string) => checkCommands(where, to, options.send(at) as One<Command> | undefined)
  // Only types know the name.
  return Object.freeze({ [spec]: { kind: 'schedule', name, every, to, missed, commandsAt } as const }) as RecurringSchedule<N>
}

/** Refuses commands that can never be sent. TypeScript refuses most of them, and JavaScript callers need the check. */
function checkCommands(where: string, to: ReadonlySet<string>, given: One<Command> | undefined): readonly Command[] {
  const commands = (given === undefined ? [] : Array.isArray(given) ? given : [given]) as readonly Command[]
  if (commands.length > COMMANDS_MAX)
    throw new TypeError(`${where}: ${commands.length} commands at once, at most ${COMMANDS_MAX}`)
  for (const one of commands) {
    if (!to.has(one?.decider)) throw new TypeError(`${where} sends to ${[...to].join(', ')}, not to ${one?.decider}`)
    const wrong = nameProblem('an id', one.id)
    if (wrong) throw new TypeError(`${where}: ${one.decider}.${one.command}: ${wrong}`)
  }
  return commands
}
