// POST /{decider}/{id}/{command}: the edge of the command's path.
import { zValidator } from '@hono/zod-validator'
import type { Context, Handler } from 'hono'
import type { Command } from '../src/decider/command.ts'
import type { Accepted, Conflicted, Outcome } from '../src/dispatch/outcome.ts'
import { KEY_REUSED } from '../src/dispatch/outcome.ts'
import { idProblem, type Runtime, type SendOptions } from '../src/dispatch/runtime.ts'
import { bodyOf } from './body.ts'
import { actorOf, running } from './context.ts'
import { expectationOf, keyOf, originOf, prefers } from './headers.ts'
import { problem } from './problem.ts'
import { exposed } from './states.ts'

/** A command's maker, as a decider has one for each of its commands: `order.place`. */
export type CommandMaker = (id: string, data: never) => Command
type Named = CommandMaker & { readonly decider: string; readonly command: string }
type Answering = {
  readonly c: Context
  readonly emaki: Runtime
  readonly id: string
  readonly expect: SendOptions['expect'] | null
}

/**
 * A handler for one command, to be mounted wherever you like; the path's parameter `id` names the instance, without one it is made.
 *
 * @example
 * app({ serve: [order] }).post('/checkout/:id', handle(order.place))
 */
export function handle(make: CommandMaker): Handler {
  // Every maker of `decider` carries its names; the type that users see does not show them.
  const { decider, command } = make as Named
  let validate: ReturnType<typeof validator> | null = null
  return async c => {
    const emaki = running(c)
    const given = c.req.param('id')
    const wrong = given === undefined ? null : idProblem(given)
    if (wrong) return problem(c, 'validation-failed', { errors: [{ pointer: '#/id', detail: wrong }] })
    const expect = expectationOf(c)
    if (expect instanceof Response) return expect
    const key = keyOf(c)
    if (key instanceof Response) return key
    const body = await bodyOf(c)
    if (body instanceof Response) return body
    // The validator reads the body from here; it was decoded and inspected as bytes.
    c.req.json = async () => body as never
    validate ??= validator(emaki, decider, command)
    const refused = await validate(c, passed)
    if (refused instanceof Response) return refused
    const id = given ?? Bun.randomUUIDv7()
    const actor = await actorOf(c)
    const outcome = await emaki.dispatch({ decider, command, id, data: body }, c.req.valid('json' as never), {
      signal: c.req.raw.signal,
      size: Number(c.req.header('content-length') ?? 0),
      idGiven: given !== undefined,
      ...originOf(c),
      ...(expect !== null && { expect }),
      ...(key !== null && { key }),
      ...(actor !== null && { actor }),
    })
    return answer({ c, emaki, id, expect }, outcome, decider)
  }
}

const passed = async () => {}

function validator(emaki: Runtime, decider: string, command: string) {
  const schema = emaki.deciders.get(decider)!.commands.get(command)!
  return zValidator('json', schema, (result, c) => {
    if (!result.success)
      return problem(c, 'validation-failed', {
        errors: result.error.issues.map(({ path, message }) => ({ pointer: pointer(path), detail: message })),
      })
    return
  })
}

function pointer(path: readonly PropertyKey[]): string {
  return `#${path.map(step => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`
}

function answer(to: Answering, outcome: Outcome, decider: string): Response | Promise<Response> {
  const { c } = to
  switch (outcome.outcome) {
    case 'accepted':
      return accepted(to, outcome, decider)
    case 'rejected':
      if (outcome.code === KEY_REUSED) return problem(c, KEY_REUSED)
      return problem(
        c,
        'command-rejected',
        { code: outcome.code, ...(outcome.data !== undefined && { data: outcome.data }) },
        replayedHeader(outcome.replayed),
      )
    case 'conflict':
      return conflict(to, outcome)
    case 'invalid':
      return problem(c, 'validation-failed', {
        errors: outcome.issues.map(({ path, message }) => ({ pointer: `#${path}`, detail: message })),
      })
    case 'unavailable':
      return problem(c, outcome.full ? 'storage-full' : 'unavailable', {}, retryAfter(outcome.retryAfterMs))
    case 'unknown':
      return problem(c, 'outcome-unknown', {}, retryAfter(outcome.retryAfterMs))
  }
}

async function accepted({ c, emaki }: Answering, outcome: Accepted, decider: string): Promise<Response> {
  const { stream, version, position, events, replayed } = outcome
  const id = stream.slice(decider.length + 1)
  const created = events.length > 0 && version === events.length
  const headers: Record<string, string> = {
    ETag: `"${version}"`,
    'Event-Position': String(position),
    'Cache-Control': 'no-store',
    ...(created && { Location: `/${decider}/${encodeURIComponent(id)}` }),
    ...replayedHeader(replayed),
  }
  const status = created ? 201 : 200
  const body = { id, stream, version, position, events: events.map(({ type, data }) => ({ type, data })) }
  if (!c.req.header('prefer')) return c.json(body, status, headers)
  if (prefers(c, 'return=minimal'))
    return c.body(null, created ? 201 : 204, { ...headers, 'Preference-Applied': 'return=minimal', Vary: 'Prefer' })
  const { expose } = emaki.deciders.get(decider)!
  if (!expose || !prefers(c, 'return=representation')) return c.json(body, status, { ...headers, Vary: 'Prefer' })
  const after = await emaki.state(decider, id, { version })
  const state = exposed(expose, after?.state)
  return c.json({ ...body, state }, status, { ...headers, 'Preference-Applied': 'return=representation', Vary: 'Prefer' })
}

function conflict({ c, expect }: Answering, { expected, actual }: Conflicted): Response {
  const extension = { expected, actual, retryable: expect === null }
  return expect === null
    ? problem(c, 'version-conflict', extension)
    : problem(c, 'precondition-failed', extension, actual > 0 ? { ETag: `"${actual}"` } : {})
}

function retryAfter(ms: number): Record<string, string> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1_000))) }
}

function replayedHeader(replayed: true | undefined): Record<string, string> {
  return replayed ? { 'Idempotency-Replayed': 'true' } : {}
}
