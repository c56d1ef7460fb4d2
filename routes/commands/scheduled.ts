// Commands that are stored now and sent later: 202 now, their outcome at /commands/{id}.
import type { Context, Handler } from 'hono'
import type { Command } from '../../src/definitions/decider/command.ts'
import { KEY_REUSED } from '../../src/dispatch/outcome.ts'
import { readTime, TIME_EXPECTED } from '../../src/definitions/event/time.ts'
import type { Scheduled, ScheduledOutcome, ScheduledOptions } from '../../src/agenda/schedule.ts'
import type { Services } from '../../src/runtime.ts'
import { actorOf, servicesOf } from '../context.ts'
import { baseOf } from '../http/base-path.ts'
import { refuseCrossSite } from '../http/cross-site.ts'
import { prefers } from '../http/headers.ts'
import { positionHeader } from '../http/min-position.ts'
import { errorsOf, problem } from '../http/problem.ts'

const YEARS_MAX = 100

/**
 * The time at which to send a command, or `now`. The client does not wait for the outcome. Null: the client waits. A
 * Response refuses the request.
 */
export function sendTimeOf(c: Context): Date | 'now' | null | Response {
  const at = c.req.header('schedule-at')
  if (at === undefined) return prefers(c, 'respond-async') ? 'now' : null
  const ms = readTime(at)
  if (ms < Date.now() + YEARS_MAX * 365 * 86_400_000) return new Date(ms)
  return problem(c, 'bad-header', { detail: `Schedule-At: ${TIME_EXPECTED}, at most ${YEARS_MAX} years ahead` })
}

/** Stores a command to be sent later. Answers 202 once it is durable. */
export async function scheduleCommand(
  c: Context,
  emaki: Services,
  command: Command,
  sendTime: Date | 'now',
  options: ScheduledOptions,
): Promise<Response> {
  const taken = await emaki.schedule.add(command, { ...options, ...(sendTime !== 'now' && { at: sendTime }) })
  if ('outcome' in taken)
    return taken.outcome === 'rejected' ? problem(c, KEY_REUSED) : problem(c, 'validation-failed', errorsOf(taken))
  return c.json(showScheduled(taken), 202, {
    Location: `${baseOf(c)}/commands/${taken.id}`,
    'Cache-Control': 'no-store',
    Vary: 'Prefer',
    ...(sendTime === 'now' && { 'Preference-Applied': 'respond-async' }),
  })
}

/** GET /commands/{id}: shows its owner whether the command is pending, or its outcome, which is kept for 24 h. */
export const getScheduled: Handler = async c => {
  const emaki = servicesOf(c)
  const actor = await actorOf(c)
  if (actor instanceof Response) return actor
  const found = await emaki.schedule.find(c.req.param('id')!, actor)
  if (!found) return problem(c, 'command-not-found')
  const { ended } = found
  return c.json(showScheduled(found), 200, {
    'Cache-Control': 'no-store',
    ...(ended === null && { 'Retry-After': String(secondsUntil(found.due)) }),
    ...(ended?.outcome === 'accepted' && {
      ...positionHeader(emaki, ended.position),
      Link: `<${baseOf(c)}/streams/${encodeURIComponent(ended.stream)}>; rel="result"`,
    }),
  })
}

/** DELETE /commands/{id}: withdraws the command of its owner while it is pending. */
export const withdrawScheduled: Handler = async c => {
  const crossSite = refuseCrossSite(c)
  if (crossSite) return crossSite
  const { schedule } = servicesOf(c)
  const id = c.req.param('id')!
  const actor = await actorOf(c)
  if (actor instanceof Response) return actor
  if (await schedule.remove(id, actor)) return c.body(null, 204)
  return (await schedule.find(id, actor)) ? problem(c, 'command-begun') : problem(c, 'command-not-found')
}

function showScheduled({ id, command, due, state, ended, endedAt }: Scheduled): object {
  return {
    id,
    command: `${command.decider}.${command.command}`,
    instance: command.id,
    due,
    state: state === 'ended' ? ended!.outcome : state,
    ...(ended && { outcome: outcomeOf(ended), endedAt }),
  }
}

function outcomeOf(ended: ScheduledOutcome): object {
  switch (ended.outcome) {
    case 'accepted': {
      const { stream, version, position, events } = ended
      return { stream, version, position, events: events.map(({ type, data }) => ({ type, data })) }
    }
    case 'rejected':
      return { code: ended.code, ...(ended.data !== undefined && { data: ended.data }) }
    case 'conflict':
      return { expected: ended.expected, actual: ended.actual }
    case 'invalid':
      return errorsOf(ended)
    // The text of an exception is for operators only.
    default:
      return {}
  }
}

function secondsUntil(due: string): number {
  return Math.min(3_600, Math.max(1, Math.ceil((Date.parse(due) - Date.now()) / 1_000)))
}
