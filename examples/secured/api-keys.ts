// Callers with API keys. A key is a stream: it is issued once, and revoked at once, everywhere. The log holds a hash of
// its secret, and nobody finds the secret by it, as it is random and long.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { decider, events, reject } from 'emaki'
import { type App, app } from 'emaki/http'
import type { Handler, MiddlewareHandler } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { z } from 'zod'
import { order } from '../marketplace/order.ts'
import { bearerOf, callerOf, refusal, type ShopOptions } from './caller.ts'

const Issue = z.object({ owner: z.string(), hash: z.string() })
const KeyState = Issue.extend({ isRevoked: z.boolean() })
const ApiKey = events('api_key', { Issued: Issue, Revoked: z.object({}) })

export const apiKey = decider(ApiKey, {
  initial: KeyState.parse({ owner: '', hash: '', isRevoked: false }),
  evolve: {
    Issued: (key, { owner, hash }) => ({ ...key, owner, hash }),
    Revoked: key => ({ ...key, isRevoked: true }),
  },
  commands: { issue: Issue, revoke: z.object({}) },
  internal: ['issue'],
  decide: {
    issue: (_, issued) => ApiKey.Issued(issued),
    revoke: (key, _, { actor }) => {
      if (key.owner !== actor) return reject('not-your-key')
      return key.isRevoked ? [] : ApiKey.Revoked({})
    },
  },
})

/** `adminToken`: the bearer who may issue keys. */
export function makeShop({ adminToken, ...options }: ShopOptions & { readonly adminToken: string }): App {
  const shop = app({ serve: [order, apiKey], actor: callerOf, guard: () => false, ...options })
  shop.post('/keys/:owner', bearerAuth({ token: adminToken }), issueKey)
  shop.use(requireKey)
  return shop
}

/** Issues a key, and shows it once: `id.secret`. */
const issueKey: Handler = async c => {
  const [id, secret] = [Bun.randomUUIDv7(), randomBytes(32).toString('base64url')]
  const issued = { owner: c.req.param('owner')!, hash: hashOf(secret) }
  const { outcome } = await c.get('emaki').send(apiKey.issue(id, issued))
  if (outcome !== 'accepted') throw refusal(503, { 'Retry-After': '1' })
  return c.json({ key: `${id}.${secret}` }, 201, { 'Cache-Control': 'no-store' })
}

/** Reads the state from the log at each request, so that a revoked key is refused from the next one on. */
const requireKey: MiddlewareHandler = async (c, next) => {
  const [, id, secret] = /^([\da-f-]{36})\.([\w-]{43})$/.exec(bearerOf(c) ?? '') ?? []
  const found = id ? await c.get('emaki').state('api_key', id) : null
  const key = found && KeyState.parse(found.state)
  if (!key || key.isRevoked || !isSame(key.hash, hashOf(secret!))) throw refusal(401, { 'WWW-Authenticate': 'Bearer' })
  c.set('caller', key.owner)
  await next()
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Compares two hashes in a time that does not tell how much of them is the same. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b))
