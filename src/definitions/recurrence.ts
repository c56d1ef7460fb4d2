// Times that come again, by a cron expression in a zone. The next one is a function of the time before it.
import { checkOptions } from './options.ts'
import { cronProblem } from './cron.ts'

/** Times that come again: a cron expression, read in a zone. */
export type Recurrence = { readonly cron: string; readonly zone: string }

/** The longest time by which clocks are put forward at once, in ms. */
const SHIFT_MS_MAX = 7_200_000

/**
 * Times that come again, by a cron expression of five fields (minute, hour, day of the month, month, day of the week) or
 * a name such as `@daily`. `zone`: the time zone in which the expression is read, such as `Europe/Berlin` or `UTC`.
 *
 * Where a clock is put forward, a time that it leaves out comes as much later. Where it is put back, a time that it
 * shows twice comes once, the first time; an expression with `*` as its minute or its hour comes both times.
 *
 * Throws a TypeError for an expression that is wrong or has no time within 8 years, and for an unknown zone.
 *
 * @example
 * every('0 3 * * *', { zone: 'Europe/Berlin' })
 */
export function every(cron: string, options: { readonly zone: string }): Recurrence {
  checkOptions(`every(${JSON.stringify(cron)})`, options, { zone: 'any?' })
  const { zone } = options
  const where = `every(${JSON.stringify(cron)}, { zone: ${JSON.stringify(zone)} })`
  // Without a zone the engine would take that of the machine.
  if (typeof zone !== 'string' || zone === '') throw new TypeError(`${where}: zone names a time zone, such as Europe/Berlin`)
  const problem = typeof cron === 'string' ? cronProblem(cron) : "expected a text, such as '0 3 * * *'"
  if (problem !== null) throw new TypeError(`${where}: ${problem}`)
  if (parseNext(where, { cron, zone }, 0) === null) throw new TypeError(`${where}: no time comes within 8 years`)
  return Object.freeze({ cron, zone })
}

/** The first time after another; both in ms since 1970. */
export function nextTime(recurrence: Recurrence, afterMs: number): number {
  const next = findNext(recurrence, afterMs)
  // A time that clocks have left out comes later. The engine says so only until the clocks are put forward.
  for (let time = findNext(recurrence, afterMs - SHIFT_MS_MAX); time < next; time = findNext(recurrence, time))
    if (time > afterMs) return time
  return next
}

/** The last time that is not after `untilMs`, of those from `firstMs` on, which is one of them. */
export function lastTime(recurrence: Recurrence, firstMs: number, untilMs: number): number {
  let [low, high] = [firstMs - 1, Math.max(firstMs, untilMs)]
  // A time lies behind `low`, and none between `high` and `untilMs`.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (nextTime(recurrence, middle) <= untilMs) low = middle
    else high = middle
  }
  return nextTime(recurrence, low)
}

function findNext(recurrence: Recurrence, afterMs: number): number {
  const { cron, zone } = recurrence
  const next = parseNext(`every('${cron}', { zone: '${zone}' })`, recurrence, afterMs)
  if (next === null)
    throw new TypeError(`${cron} in ${zone}: no time comes within 8 years after ${new Date(afterMs).toISOString()}`)
  return next
}

function parseNext(where: string, { cron, zone }: Recurrence, afterMs: number): number | null {
  try {
    return Bun.cron.parse(cron, afterMs, { tz: zone })?.getTime() ?? null
  } catch (error) {
    throw new TypeError(`${where}: ${(error as Error).message}`)
  }
}
