// Answers that commands and webhooks share.
import type { Context } from 'hono'
import type { Invalid, Later, Unavailable, Unknown } from '../../src/dispatch/outcome.ts'
import { errorsOf, problem } from '../http/problem.ts'

/** The problem for a command that was not decided, or whose outcome is unknown. */
export function problemOfOutcome(c: Context, outcome: Invalid | Later | Unavailable | Unknown): Response {
  if (outcome.outcome === 'invalid') return problem(c, 'validation-failed', errorsOf(outcome))
  const headers = { 'Retry-After': String(Math.max(1, Math.ceil(outcome.retryAfterMs / 1_000))) }
  if (outcome.outcome === 'later') {
    const { code, data } = outcome
    return problem(c, 'too-early', { code, ...(data !== undefined && { data }) }, headers)
  }
  if (outcome.outcome === 'unknown') return problem(c, 'outcome-unknown', {}, headers)
  return problem(c, outcome.full ? 'storage-full' : 'unavailable', {}, headers)
}

export function replayedHeader(replayed: true | undefined): Record<string, string> {
  return replayed ? { 'Idempotency-Replayed': 'true' } : {}
}
