import type { Command } from '../decider/command.ts'
import { type Duration, milliseconds } from '../event/duration.ts'
import { spec } from '../event/events.ts'
import { nameProblem } from '../event/names.ts'
import { readTime, TIME_EXPECTED, type Zoned } from '../event/time.ts'
import type { Recurrence } from '../recurrence.ts'

/**
 * When a timer is due: so many ms after the event that sets it, at a time in ms since 1970, or at times that come again.
 * Null: it is cancelled.
 */
export type Due = { readonly afterMs: number } | { readonly at: number } | { readonly every: Recurrence } | null

/** The latest time at which a timer can be due: the end of the year 9999, in ms since 1970. */
export const DUE_MAX: number = Date.UTC(10_000, 0) - 1

/** A named timer of a process, with the command to send when it is due. Setting a name again replaces it. */
export type Timer<C> = {
  readonly timer: string
  readonly due: Due
  readonly command: C | null
  readonly [spec]: 'timer'
}

/**
 * Sets a timer that falls due so long after the event that sets it, by the log's clock, or by the `occurredAt` of an
 * imported event. Then its command, if it has one, is sent, and `on.due` is called. Throws a TypeError for a time that
 * lies beyond the year 9999.
 *
 * @example
 * after('15 minutes', 'unpaid', order.cancel(id, { reason: 'unpaid' }))
 */
export function after(delay: Duration, name: string): Timer<never>
export function after<const C extends Command>(delay: Duration, name: string, command: C): Timer<C>
export function after(delay: Duration, name: string, command?: Command): Timer<Command> {
  const afterMs = milliseconds(delay)
  if (afterMs > DUE_MAX) throw new TypeError(`after(${JSON.stringify(delay)}): a timer is due in the year 9999 at the latest`)
  return timer(name, { afterMs }, command)
}

/**
 * Sets a timer that falls due at a time, as RFC 3339 with its zone, or a Date; at once if that is in the past. Throws a
 * TypeError for another text, such as one without a zone, and for a time beyond the year 9999.
 *
 * With `every(…)` it falls due at the next of these times, and sets itself again until it is cancelled or the instance
 * ends. If several times have passed, it falls due once.
 *
 * @example
 * at('2030-01-31T12:00:00+01:00', 'closing')
 * at(every('0 9 * * MON', { zone: 'Europe/Berlin' }), 'remind')
 */
export function at(times: Recurrence, name: string): Timer<never>
export function at<const C extends Command>(times: Recurrence, name: string, command: C): Timer<C>
export function at<const T extends string | Date>(time: Zoned<T>, name: string): Timer<never>
export function at<const T extends string | Date, const C extends Command>(time: Zoned<T>, name: string, command: C): Timer<C>
export function at(time: string | Date | Recurrence, name: string, command?: Command): Timer<Command> {
  if (typeof time === 'object' && 'cron' in time) return timer(name, { every: time }, command)
  const ms = readTime(time)
  if (Number.isNaN(ms)) throw new TypeError(`at(${JSON.stringify(time)}): ${TIME_EXPECTED}`)
  if (ms > DUE_MAX) throw new TypeError(`at(${JSON.stringify(time)}): a timer is due in the year 9999 at the latest`)
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
