// Asks the rules of an app whether the caller of a request may.
import type { Context } from 'hono'
import { AccessRefused, checkRule } from '../src/definitions/access/access.ts'
import type { Rule } from '../src/definitions/access/allow.ts'
import type { Caller } from '../src/definitions/access/caller.ts'
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
