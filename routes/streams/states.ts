// GET /{decider}/{id}: the public view of a state, if the decider exposes one.
import { errorWithoutSecrets } from '../../src/definitions/secret-fields.ts'
import type { Context, Handler } from 'hono'
import type { z } from 'zod'
import type { StateAt, StateMoment } from '../../src/definitions/reads.ts'
import { askOnState, askUnreadable, problemOfRefusal, refuseByRule, type StateRule } from '../access.ts'
import { streamName } from '../../src/definitions/event/stream-name.ts'
import { readTime, TIME_EXPECTED } from '../../src/definitions/event/time.ts'
import { requestCallerOf, requestOf, servicesOf } from '../context.ts'
import { hasVersion } from '../http/etag.ts'
import { idOf } from '../commands/ids.ts'
import { positionHeader } from '../http/min-position.ts'
import { problem } from '../http/problem.ts'

/** The public view of a state: the fields of the decider's `expose` schema, and no others. */
export function exposeState(expose: z.ZodType, state: unknown): unknown {
  try {
    return expose.parse(state)
  } catch (error) {
    throw errorWithoutSecrets(error, state)
  }
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
    const found = await readState(c, { decider, id, when })
    if (found instanceof Response) return found
    if (!found) return problem(c, 'stream-not-found')
    if (when.at === undefined && when.version !== undefined && found.version < when.version)
      return problem(c, 'stream-not-found', { detail: `it is at version ${found.version}` })
    const headers = { ...positionHeader(emaki, found.position), ETag: `"${found.version}"`, 'Cache-Control': 'private, no-cache' }
    if (hasVersion(c, found.version)) return c.body(null, 304, headers)
    return c.json(exposeState(emaki.deciders.get(decider)!.expose!, found.state) as object, 200, headers)
  }
}

type AskedState = { readonly decider: string; readonly id: string; readonly when: StateMoment }

/** The state at a moment, for a caller who may see what the instance is now. A Response refuses it. */
async function readState(c: Context, { decider, id, when }: AskedState): Promise<StateAt | null | Response> {
  const emaki = servicesOf(c)
  const rule = c.get('emakiAccess').state(decider)
  if (rule === 'all') return emaki.state(decider, id, when)
  const actor = await requestCallerOf(c)
  if (actor instanceof Response) return actor
  const asked = { emaki, decider, instance: id, rule, ask: { actor }, about: requestOf(c) }
  if (when.version === undefined && when.at === undefined) return readNow(c, asked)
  const verdict = await askOnState(asked)
  return verdict === true ? emaki.state(decider, id, when) : problemOfRefusal(c, verdict === 'hidden', 'stream-not-found')
}

/** Reads the state once: what the rule is asked about is what the caller sees. */
async function readNow(c: Context, asked: StateRule): Promise<StateAt | null | Response> {
  const { emaki, decider, instance, rule, ask } = asked
  try {
    const found = await emaki.state(decider, instance)
    const state = found ? found.state : emaki.deciders.get(decider)!.initial
    return (await refuseByRule(c, rule, { ...ask, instance, state }, 'stream-not-found')) ?? found
  } catch (error) {
    const verdict = askUnreadable(asked, error)
    if (verdict === true) throw error
    return problemOfRefusal(c, verdict === 'hidden', 'stream-not-found')
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
