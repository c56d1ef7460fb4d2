// At most so many commands a minute for each caller, with the headers of draft-ietf-httpapi-ratelimit-headers-11. The
// limit is that of this process: where several serve, each counts for itself.
import { type App, app } from 'emaki/http'
import type { MiddlewareHandler } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { order } from '../marketplace/order.ts'
import { callerOf, refusal, type ShopOptions } from './caller.ts'

/** `quota` requests in any `windowMs`. They may come at once; then one more may come each `windowMs / quota`. */
export type Policy = { readonly name: string; readonly quota: number; readonly windowMs: number }

/** Less than one request, and more than what sums of fractions lose. */
const ROUNDING = 1e-6

type Verdict = {
  /** When the caller has used nothing again, in ms; this is all that has to be remembered. */
  readonly freeAt: number
  readonly isAllowed: boolean
  readonly remaining: number
  readonly retryAfterMs: number
}

/** Decides about one request (GCRA). `freeAt`: what the verdict before has said. */
export function takeOne({ quota, windowMs }: Policy, freeAt: number, now: number): Verdict {
  const costMs = windowMs / quota
  const next = Math.max(freeAt, now) + costMs
  const isAllowed = next - now <= windowMs + ROUNDING
  const kept = isAllowed ? next : freeAt
  const remaining = Math.floor((windowMs - (kept - now)) / costMs + ROUNDING)
  return { freeAt: kept, isAllowed, remaining, retryAfterMs: isAllowed ? 0 : next - windowMs - now }
}

/** How many callers are remembered. Beyond it the one who came first is forgotten, and begins anew. */
const CALLERS_MAX = 100_000
const seconds = (ms: number): number => Math.ceil(ms / 1_000)

/** Limits the commands of each caller. An answer that is replayed by its Idempotency-Key does not count. */
export function limitRate(policy: Policy, now: () => number = Date.now): MiddlewareHandler {
  const { name, quota, windowMs } = policy
  const freeAt = new Map<string, number>()
  const remember = (caller: string, at: number) => {
    freeAt.delete(caller)
    if (freeAt.size >= CALLERS_MAX) freeAt.delete(freeAt.keys().next().value!)
    freeAt.set(caller, at)
  }
  return async (c, next) => {
    if (c.req.method !== 'POST') return next()
    const caller = callerOf(c) ?? ''
    const at = now()
    const verdict = takeOne(policy, freeAt.get(caller) ?? 0, at)
    const headers = {
      'RateLimit-Policy': `"${name}";q=${quota};w=${seconds(windowMs)}`,
      RateLimit: `"${name}";r=${verdict.remaining};t=${seconds(Math.max(0, verdict.freeAt - at))}`,
    }
    if (!verdict.isAllowed) throw refusal(429, { ...headers, 'Retry-After': String(seconds(verdict.retryAfterMs)) })
    remember(caller, verdict.freeAt)
    await next()
    if (c.res.headers.has('Idempotency-Replayed')) return remember(caller, freeAt.get(caller)! - windowMs / quota)
    for (const [header, value] of Object.entries(headers)) c.res.headers.set(header, value)
  }
}

export type LimitedOptions = ShopOptions & {
  readonly policy: Policy
  readonly verify: (name: string, password: string) => boolean
  readonly now?: () => number
}

export function makeShop({ policy, verify, now, ...options }: LimitedOptions): App {
  const shop = app({ serve: [order], actor: callerOf, ...options })
  // First who it is, then how often: a stranger is refused, and uses up nobody's quota.
  shop.use(basicAuth({ verifyUser: verify, onAuthSuccess: (c, name) => c.set('caller', name) }))
  shop.use(limitRate(policy, now))
  return shop
}
