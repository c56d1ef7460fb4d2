// Callers with a JSON Web Token, and commands that need a role of it.
import type { Store } from 'emaki'
import { type App, app } from 'emaki/http'
import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { jwt } from 'hono/jwt'
import { order } from '../marketplace/order.ts'

type Claims = { readonly sub: string; readonly roles?: readonly string[] }
const claimsOf = (c: Context): Claims => c.get('jwtPayload') as Claims

/** Passes callers whose token has a role. */
const needsRole =
  (role: string): MiddlewareHandler =>
  (c, next) => {
    if (claimsOf(c).roles?.includes(role)) return next()
    throw new HTTPException(403)
  }

const isStaff = (c: Context) => claimsOf(c).roles?.includes('staff') ?? false

/** `options`: the secret that signs tokens, and the store; without one the environment names it. */
export function makeShop({ secret, ...options }: { readonly secret: string; readonly store?: Store }): App {
  const shop = app({ serve: [order], actor: c => claimsOf(c).sub, guard: isStaff, ...options })
  shop.use(cors({ origin: 'https://shop.example' }))
  shop.use(jwt({ secret, alg: 'HS256' }))
  shop.on('POST', ['/order/ship', '/order/:id/ship'], needsRole('warehouse'))
  return shop
}
