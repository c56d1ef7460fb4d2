// GET /{decider}/{id}: the public view of a state, if the decider exposes one.
import type { Context, Handler } from 'hono'
import type { z } from 'zod'
import type { StateAt } from '../../src/definitions/reads.ts'
import type { Services } from '../../src/runtime.ts'
import { refuseByRule } from '../access.ts'
import { streamName } from '../../src/definitions/event/stream-name.ts'
import { readTime, TIME_EXPECTED } from '../../src/definitions/event/time.ts'
import { servicesOf } from '../context.ts'
import { hasVersion } from '../http/etag.ts'
import { idOf } from '../commands/ids.ts'
import { positionHeader } from '../http/min-position.ts'
import { problem } from '../http/problem.ts'

/** The public view of a state: the fields of the decider's `expose` schema, and no others. */
export function exposeState(expose: z.ZodType, state: unknown): unknown {
  return expose.parse(state)
}

/** The state of an instance now, which may have no events. */
export async function stateNow(emaki: Services, decider: string, id: string): Promise<unknown> {
  return stateIn(emaki, decider, await emaki.state(decider, id))
}

/** What was read of a state: the initial one where there are no events. */
function stateIn(emaki: Services, decider: string, found: StateAt | null): unknown {
  return found ? found.state : emaki.deciders.get(decider)!.initial
}

/**
 * Makes the handler for the state now, confirmed with the log. `?version=` and `?at=` (RFC 3339 with its zone) give an earlier state.
 * The ETag is the version of the stream.
 */
export function getState(decider: string): Handler {
  return async c => {
    const emaki = servicesOf(c)
    const id = idOf(c)!
    if (id instanceof Response) return id
    c.set('emakiAbout', { stream: streamName(decider, id) })
    const when = whenOf(c)
    if (when instanceof Response) return when
    const found = await emaki.state(decider, id, when)
    const rule = c.get('emakiAccess').state(decider)
    // Who may see it depends on what it is now.
    const isNow = when.version === undefined && when.at === undefined
    const stateOf = async () => (isNow ? stateIn(emaki, decider, found) : stateNow(emaki, decider, id))
    const refused =
      rule === 'all' ? null : await refuseByRule(c, rule, { instance: id, state: await stateOf() }, 'stream-not-found')
    if (refused) return refused
    if (!found) return problem(c, 'stream-not-found')
    if (when.at === undefined && when.version !== undefined && found.version < when.version)
      return problem(c, 'stream-not-found', { detail: `it is at version ${found.version}` })
    const headers = { ...positionHeader(emaki, found.position), ETag: `"${found.version}"`, 'Cache-Control': 'private, no-cache' }
    if (hasVersion(c, found.version)) return c.body(null, 304, headers)
    return c.json(exposeState(emaki.deciders.get(decider)!.expose!, found.state) as object, 200, headers)
  }
}

function whenOf(c: Context): { version?: number; at?: Date } | Response {
  const version = c.req.query('version')
  const at = c.req.query('at')
  const refuse = (field: string, detail: string) =>
    problem(c, 'validation-failed', { errors: [{ pointer: `#/${field}`, detail }] })
  if (version !== undefined && !/^[1-9][0-9]{0,14}$/.test(version)) return refuse('version', 'expected a version: 1, 2, 3 …')
  const atMs = at === undefined ? undefined : readTime(at)
  if (Number.isNaN(atMs)) return refuse('at', `${TIME_EXPECTED}; in a URL + is %2B`)
  return { ...(version !== undefined && { version: Number(version) }), ...(atMs !== undefined && { at: new Date(atMs) }) }
}
