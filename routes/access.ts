// Asks the rules of an app whether the caller of a request may.
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type Access, AccessRefused, askRule, checkRule } from '../src/definitions/access/access.ts'
import type { Rule, StateAsk, Verdict } from '../src/definitions/access/allow.ts'
import type { Caller } from '../src/definitions/access/caller.ts'
import { UnreadableEvent } from '../src/definitions/event/read.ts'
import { categoryOf, instanceOf } from '../src/definitions/event/stream-name.ts'
import { Notice, type NoticeFields } from '../src/ports/report/notice.ts'
import type { Services } from '../src/runtime.ts'
import { requestCallerOf } from './context.ts'
import { problem, type Slug } from './http/problem.ts'

/** Asks a rule about the caller of a request. A Response refuses it. `hidden`: the problem of what does not exist. */
export function refuseByRule<Ask extends { readonly actor: Caller | null }>(
  c: Context,
  rule: Rule<Ask>,
  ask: Omit<Ask, 'actor'>,
  hidden: Slug,
): Promise<Response | null> | null {
  // With its actor it is the whole ask.
  return rule === 'all' ? null : refuseByCheck(c, actor => checkRule(rule, { ...ask, actor } as Ask), hidden)
}

/** The problem of a caller whom a rule refuses. `hidden`: that of what does not exist. */
export function problemOfRefusal(c: Context, isHidden: boolean, hidden: Slug): Response {
  return isHidden ? problem(c, hidden) : problem(c, 'forbidden', { detail: REFUSED_BY_RULE })
}
const REFUSED_BY_RULE = 'a rule of the app refuses this caller'

/** Makes a check of the caller of a request, which throws AccessRefused. A Response refuses it. */
export async function refuseByCheck(c: Context, check: (actor: Caller | null) => void, hidden: Slug): Promise<Response | null> {
  const actor = await requestCallerOf(c)
  if (actor instanceof Response) return actor
  try {
    check(actor)
    return null
  } catch (error) {
    if (!(error instanceof AccessRefused)) throw error
    return problemOfRefusal(c, error.isHidden, hidden)
  }
}

/** A rule that needs the state of an instance, and what it is asked beside the state. `about`: for the record. */
export type StateRule<Ask extends StateAsk = StateAsk> = {
  readonly emaki: Services
  readonly decider: string
  readonly instance: string
  readonly rule: Rule<Ask>
  readonly ask: Omit<Ask, 'state' | 'instance'>
  readonly about: NoticeFields
}

/** What a rule says on the state of an instance now, which may have no events. */
export async function askOnState<Ask extends StateAsk>(asked: StateRule<Ask>): Promise<Verdict> {
  const { emaki, decider, instance, rule, ask } = asked
  if (rule === 'all') return true
  try {
    const found = await emaki.state(decider, instance)
    const state = found ? found.state : emaki.deciders.get(decider)!.initial
    return askRule(rule, { ...ask, instance, state } as unknown as Ask)
  } catch (error) {
    return askUnreadable(asked, error)
  }
}

/**
 * What a rule says where the state cannot be read. A rule that does not look at it is asked as ever. Otherwise nobody
 * knows whose the instance is: the caller is refused as one of an instance that does not exist. Throws any other error.
 */
export function askUnreadable<Ask extends StateAsk>(asked: StateRule<Ask>, error: unknown): Verdict {
  const { emaki, decider, instance, rule, ask, about } = asked
  if (!(error instanceof UnreadableEvent)) throw error
  const { initial } = emaki.deciders.get(decider)!
  const verdict = askWithoutState(rule, { ...ask, instance }, initial)
  if (verdict !== true) emaki.report(unreadableNotice(error, about, REFUSED_UNREAD))
  return verdict
}

/** With a state, `ask` is the whole ask of the rule. */
function askWithoutState<Ask extends StateAsk>(rule: Rule<Ask>, ask: object, initial: unknown): Verdict {
  const needed = new Error('the state is needed')
  const refuse = (): never => {
    throw needed
  }
  try {
    return askRule(rule, Object.defineProperty({ ...ask }, 'state', { get: refuse, enumerable: true }) as Ask)
  } catch (error) {
    if (error !== needed) throw error
    const verdict = askRule(rule, { ...ask, state: initial } as unknown as Ask)
    return verdict === true ? 'hidden' : verdict
  }
}
const REFUSED_UNREAD = ' The caller was refused, because its rule needs the state.'

/** The record of an event that a newer release wrote. This release serves the stream again once it is brought up to it. */
export function unreadableNotice(cause: UnreadableEvent, fields: NoticeFields, then = ''): Notice {
  const message = `${cause.message}. Deploy a release that reads it.${then}`
  return new Notice({ level: 'warn', code: 'stream-unreadable', message, fields, cause })
}

/** Who asks for a stream. `about`: for the record. */
export type StreamCaller = {
  readonly access: Access
  readonly emaki: Services
  readonly actor: Caller | null
  readonly about: NoticeFields
}

/** What the rule of a stream says. False also where there is none. */
export async function verdictOnStream({ access, actor, ...by }: StreamCaller, stream: string): Promise<Verdict> {
  const [decider, instance] = [categoryOf(stream), instanceOf(stream)]
  const rule = access.stream(decider)
  return rule !== null && askOnState({ ...by, decider, instance, rule, ask: { actor } })
}

/** The answer with which a middleware refuses a request; null: it passes the request. */
export async function refusalBy(middleware: MiddlewareHandler, c: Context): Promise<(() => Response) | null> {
  let hasPassed = false
  try {
    const answer = await middleware(c, async () => {
      hasPassed = true
    })
    return hasPassed ? null : () => answer as Response
  } catch (error) {
    if (!(error instanceof HTTPException)) throw error
    return () => {
      throw error
    }
  }
}
