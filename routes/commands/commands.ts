// POST /{decider}/{id}/{command}: where a command enters.
import { errorWithoutSecrets } from '../../src/definitions/secret-fields.ts'
import { instanceOf, streamName } from '../../src/definitions/event/stream-name.ts'
import { zValidator } from '@hono/zod-validator'
import type { Context, Handler } from 'hono'
import type { Command } from '../../src/definitions/decider/command.ts'
import type { Accepted, Conflicted, Outcome, Rejected } from '../../src/dispatch/outcome.ts'
import { isTransient, KEY_REUSED } from '../../src/dispatch/outcome.ts'
import { Notice } from '../../src/ports/report/notice.ts'
import type { Services } from '../../src/runtime.ts'
import type { SendOptions } from '../../src/dispatch/send.ts'
import { bodyOf } from './body.ts'
import { commandRule } from './command-rule.ts'
import { customMetaOf } from '../custom-meta.ts'
import { requestCallerOf, requestOf, servicesOf } from '../context.ts'
import { baseOf } from '../http/base-path.ts'
import { expectationOf, keyOf, originOf, prefers } from '../http/headers.ts'
import { refuseCrossSite } from '../http/cross-site.ts'
import { idOf } from './ids.ts'
import { positionHeader } from '../http/min-position.ts'
import { problemOfOutcome, replayedHeader } from './outcomes.ts'
import { refuseByRule } from '../access.ts'
import { listErrors, problem } from '../http/problem.ts'
import { scheduleCommand, sendTimeOf } from './scheduled.ts'
import { exposeState } from '../streams/states.ts'

/** Makes a command. A decider has one for each of its commands, such as `order.place`. */
export type CommandMaker = (id: string, data: never) => Command
type NamedMaker = CommandMaker & { readonly decider: string; readonly command: string; readonly isInternal?: boolean }
type Request = {
  readonly c: Context
  readonly emaki: Services
  readonly id: string
  readonly decider: string
  readonly expect: SendOptions['expect'] | null
}

/**
 * Makes a handler for one command. Mount it on any path. The parameter `id` of the path names the instance; without it
 * the handler makes an id.
 * Throws a TypeError for an internal command, and on a request if the app does not serve the decider.
 *
 * @example
 * app({ serve: [order] }).post('/checkout/:id', handle(order.place))
 */
export function handle(make: CommandMaker): Handler {
  // Every maker of `decider` carries its names. The public type does not show them.
  const { decider, command, isInternal } = make as NamedMaker
  if (isInternal) throw new TypeError(`handle(${decider}.${command}): the command is internal, and so has no route`)
  let validate: ReturnType<typeof validator> | null = null
  return async c => {
    const emaki = servicesOf(c)
    const crossSite = refuseCrossSite(c)
    if (crossSite) return crossSite
    const given = idOf(c)
    if (given instanceof Response) return given
    const expect = expectationOf(c)
    if (expect instanceof Response) return expect
    const key = keyOf(c)
    if (key instanceof Response) return key
    const origin = originOf(c)
    if (origin instanceof Response) return origin
    const id = given ?? Bun.randomUUIDv7()
    c.set('emakiAbout', { command: `${decider}.${command}`, stream: streamName(decider, id), correlation: origin.correlation })
    const sendTime = sendTimeOf(c)
    if (sendTime instanceof Response) return sendTime
    const body = await bodyOf(c)
    if (body instanceof Response) return body
    // The validator reads the body from here. It was already decoded and inspected as bytes.
    c.req.json = async () => body.data as never
    validate ??= validator(emaki, decider, command)
    const refused = await validate(c, doNothing)
    if (refused instanceof Response) return refused
    const actor = await requestCallerOf(c)
    if (actor instanceof Response) return actor
    const custom = await customMetaOf(c)
    if (custom instanceof Response) return custom
    const data: unknown = c.req.valid('json' as never)
    const named = { decider, command, id, data: body.data }
    const options = {
      idGiven: given !== null,
      ...origin,
      ...custom,
      ...(expect !== null && { expect }),
      ...(key !== null && { key }),
      ...(actor !== null && { actor: actor.id }),
    }
    const rule = commandRule(c, { decider, actor, instance: id, command, data, sent: options })
    // What comes before the decision, such as a preparation, is also only for those who may.
    if (sendTime !== null || emaki.deciders.get(decider)!.prepare.has(command)) await rule.checkEarly()
    if (sendTime !== null) return scheduleCommand(c, emaki, named, sendTime, options)
    const room = { signal: c.req.raw.signal, size: body.size }
    const outcome = await emaki.dispatch(named, data, { ...room, ...rule.authorize, ...options }).catch(rule.checkError)
    return respond({ c, emaki, id, decider, expect }, outcome)
  }
}

const doNothing = async () => {}

function validator(emaki: Services, decider: string, command: string) {
  const schema = emaki.deciders.get(decider)?.commands.get(command)
  if (!schema) throw new TypeError(`handle(${decider}.${command}): the app does not serve ${decider}; add it to serve`)
  const hideSecrets = (data: unknown) => (error: unknown) => Promise.reject(errorWithoutSecrets(error, data))
  return zValidator(
    'json',
    schema,
    (result, c) => {
      if (result.success) return
      emaki.metrics.counter('emaki.command.invalid', `${decider}.${command}`).add()
      return problem(c, 'validation-failed', listErrors(result.error.issues))
    },
    { validationFunction: (schema, data) => schema.safeParseAsync(data).catch(hideSecrets(data)) },
  )
}

function respond(request: Request, outcome: Outcome): Response | Promise<Response> {
  const { c } = request
  switch (outcome.outcome) {
    case 'accepted':
      return respondAccepted(request, outcome)
    case 'rejected':
      return respondRejected(request, outcome)
    case 'conflict':
      return respondConflict(request, outcome)
    default:
      return problemOfOutcome(c, outcome)
  }
}

function respondRejected({ c, emaki, decider }: Request, { code, data, replayed }: Rejected): Response {
  if (code === KEY_REUSED) return problem(c, KEY_REUSED)
  const answer = emaki.deciders.get(decider)!.rejections.get(code)
  return problem(c, 'command-rejected', { ...answer, code, ...(data !== undefined && { data }) }, replayedHeader(replayed))
}

async function respondAccepted(request: Request, outcome: Accepted): Promise<Response> {
  const { c, emaki, decider } = request
  const { stream, version, position, events, replayed } = outcome
  const id = instanceOf(stream)
  const created = events.length > 0 && version === events.length
  const headers: Record<string, string> = {
    ETag: `"${version}"`,
    ...positionHeader(emaki, position),
    'Cache-Control': 'no-store',
    ...(created && { Location: `${baseOf(c)}/${decider}/${encodeURIComponent(id)}` }),
    ...replayedHeader(replayed),
  }
  const status = created ? 201 : 200
  const body = { id, stream, version, position, events: events.map(({ type, data }) => ({ type, data })) }
  if (!c.req.header('prefer')) return c.json(body, status, headers)
  if (prefers(c, 'return=minimal'))
    return c.body(null, created ? 201 : 204, { ...headers, 'Preference-Applied': 'return=minimal', Vary: 'Prefer' })
  const shown = prefers(c, 'return=representation') ? await showState(request, version) : null
  if (!shown) return c.json(body, status, { ...headers, Vary: 'Prefer' })
  return c.json({ ...body, ...shown }, status, { ...headers, 'Preference-Applied': 'return=representation', Vary: 'Prefer' })
}

/**
 * The exposed state after a command. Null: the decider exposes none, or it cannot be shown now. The command is accepted
 * all the same.
 */
async function showState({ c, emaki, decider, id }: Request, version: number): Promise<{ readonly state: unknown } | null> {
  const { expose, initial } = emaki.deciders.get(decider)!
  if (!expose) return null
  try {
    const after = await emaki.state(decider, id, { version })
    const state = after ? after.state : initial
    const refused = await refuseByRule(c, c.get('emakiAccess').state(decider), { instance: id, state }, 'stream-not-found')
    return refused ? null : { state: exposeState(expose, state) }
  } catch (cause) {
    if (isTransient(cause)) return null
    const fields = requestOf(c)
    const message = `${fields['path']} was accepted, but the state after it could not be shown: ${String(cause)}`
    emaki.report(new Notice({ level: 'error', code: 'representation-failed', message, fields, cause }))
    return null
  }
}

function respondConflict(request: Request, { expected, actual }: Conflicted): Response {
  const { c, expect } = request
  // A command without a precondition expected any version.
  if (expect === null) return problem(c, 'version-conflict', { expected, actual, retryable: true })
  const isVersion = typeof expected !== 'object' || expected.length > 0
  const extension = { ...(isVersion ? { expected } : { detail: adviseTag(request) }), actual, retryable: false }
  return problem(c, 'precondition-failed', extension, actual > 0 ? { ETag: `"${actual}"` } : {})
}

/** Tells a client that has sent another tag, such as that of a row, where it gets the tag of the stream. */
function adviseTag({ c, emaki, id, decider }: Request): string {
  const state = emaki.deciders.get(decider)!.expose ? `${baseOf(c)}/${decider}/${encodeURIComponent(id)}, ` : ''
  const page = `the last page of ${baseOf(c)}/streams/${encodeURIComponent(streamName(decider, id))}`
  return `If-Match has no version of the stream, and the tag of a row is none: send the ETag of ${state}${page}, or a command`
}
