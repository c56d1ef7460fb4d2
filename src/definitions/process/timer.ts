import type { Command } from '../decider/command.ts'
import { type Duration, milliseconds } from '../event/duration.ts'
import { spec } from '../event/events.ts'
import { nameProblem } from '../event/names.ts'

/**
 * When a timer is due: so many ms after the event that sets it, or at a time in ms since 1970. Null: it is cancelled.
 */
export type Due = { readonly afterMs: number } | { readonly at: number } | null

/** A named timer of a process, with the command to send when it is due. Setting a name again replaces it. */
export type Timer<C> = {
  readonly timer: string
  readonly due: Due
  readonly command: C | null
  readonly [spec]: 'timer'
}

/**
 * Sets a timer that falls due so long after the event that sets it, by the log's clock. Then its command, if it has
 * one, is sent, and `on.due` is called.
 *
 * @example
 * after('15 minutes', 'unpaid', order.cancel(id, { reason: 'unpaid' }))
 */
export function after(delay: Duration, name: string): Timer<never>
export function after<const C extends Command>(delay: Duration, name: string, command: C): Timer<C>
export function after(delay: Duration, name: string, command?: Command): Timer<Command> {
  return timer(name, { afterMs: milliseconds(delay) }, command)
}

/**
 * Sets a timer that falls due at a time, as RFC 3339 or a Date; at once if that is in the past. Throws a TypeError for
 * another text.
 */
export function at(time: string | Date, name: string): Timer<never>
export function at<const C extends Command>(time: string | Date, name: string, command: C): Timer<C>
export function at(time: string | Date, name: string, command?: Command): Timer<Command> {
  const ms = typeof time === 'string' ? Date.parse(time) : time.getTime()
  if (!Number.isFinite(ms)) throw new TypeError(`at(${JSON.stringify(time)}): expected a time such as 2030-01-31T12:00:00Z`)
  return timer(name, { at: ms }, command)
}

/** Cancels a timer. It has no effect on a timer that was not set, or has fallen due. */
export function cancel(name: string): Timer<never> {
  return timer(name, null)
}

function timer<C>(name: string, due: Due, command?: C): Timer<C> {
  const wrong = nameProblem('the name of a timer', name)
  if (wrong) throw new TypeError(wrong)
  if (!/^[\w.-]+$/.test(name))
    throw new TypeError(`the name of a timer is letters, digits, _, . and -; found ${JSON.stringify(name)}`)
  return { timer: name, due, command: command ?? null, [spec]: 'timer' }
}
