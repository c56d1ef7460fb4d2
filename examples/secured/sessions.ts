// Callers with a session in a cookie. A session is a stream: it begins with a login, and ends everywhere with a logout,
// also for whoever has copied the cookie.
import { decider, events } from 'emaki'
import { type App, app } from 'emaki/http'
import type { Context, Handler, MiddlewareHandler } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'
import { csrf } from 'hono/csrf'
import { z } from 'zod'
import { order } from '../marketplace/order.ts'
import { callerOf, refusal, type ShopOptions } from './caller.ts'

const Login = z.object({ caller: z.string(), endsAt: z.iso.datetime() })
const SessionState = z.object({ caller: z.string(), endsAt: z.string() })
const Session = events('session', { Began: Login, Ended: z.object({}) })

const session = decider(Session, {
  initial: SessionState.parse({ caller: '', endsAt: '' }),
  evolve: { Began: (_, login) => login, Ended: () => ({ caller: '', endsAt: '' }) },
  commands: { begin: Login, end: z.object({}) },
  internal: ['begin', 'end'],
  decide: {
    begin: (_, login) => Session.Began(login),
    end: ({ caller }) => (caller === '' ? [] : Session.Ended({})),
  },
})

export type SessionOptions = ShopOptions & {
  /** Signs the cookies. Whoever has it makes sessions of others' ids, so it is long and random. */
  readonly secret: string
  /** The caller with this name and password; null: there is none. */
  readonly check: (name: string, password: string) => Promise<string | null>
  readonly lifetimeMs?: number
}

export function makeShop({ secret, check, lifetimeMs = 8 * 3_600_000, ...options }: SessionOptions): App {
  const shop = app({ serve: [order, session], actor: callerOf, guard: () => false, ...options })
  // Browsers add the cookie to forms of other sites, too. Emaki itself refuses commands from there; this is for our routes.
  shop.use(csrf())
  shop.post('/login', logIn(secret, check, lifetimeMs))
  shop.use(requireSession(secret))
  shop.post('/logout', logOut(secret))
  return shop
}

/** `host`: the browser takes the cookie only by HTTPS, for this host alone. Scripts do not see it. */
const COOKIE = { prefix: 'host', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const
const sessionOf = (c: Context, secret: string) => getSignedCookie(c, secret, 'session', 'host')

const logIn =
  (secret: string, check: SessionOptions['check'], lifetimeMs: number): Handler =>
  async c => {
    const { name, password } = await c.req.parseBody()
    const caller = await check(String(name), String(password))
    if (caller === null) throw refusal(401, {})
    const id = Bun.randomUUIDv7()
    const endsAt = new Date(Date.now() + lifetimeMs).toISOString()
    const { outcome } = await c.get('emaki').send(session.begin(id, { caller, endsAt }))
    if (outcome !== 'accepted') throw refusal(503, { 'Retry-After': '1' })
    await setSignedCookie(c, 'session', id, secret, { ...COOKIE, maxAge: Math.floor(lifetimeMs / 1_000) })
    return c.body(null, 204)
  }

const requireSession =
  (secret: string): MiddlewareHandler =>
  async (c, next) => {
    const id = await sessionOf(c, secret)
    const found = id ? await c.get('emaki').state('session', id) : null
    const { caller, endsAt } = SessionState.parse(found?.state ?? { caller: '', endsAt: '' })
    if (caller === '' || Date.parse(endsAt) <= Date.now()) throw refusal(401, {})
    c.set('caller', caller)
    await next()
  }

const logOut =
  (secret: string): Handler =>
  async c => {
    const id = await sessionOf(c, secret)
    const { outcome } = await c.get('emaki').send(session.end(String(id), {}))
    if (outcome !== 'accepted') throw refusal(503, { 'Retry-After': '1' })
    deleteCookie(c, 'session', COOKIE)
    return c.body(null, 204)
  }
