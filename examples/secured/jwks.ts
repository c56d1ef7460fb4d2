// Callers with a JSON Web Token of an identity provider, whose keys rotate. jose fetches the keys once, and again for a
// token whose key it does not know. `jwk` of Hono would fetch them at each request.
import { type App, app } from 'emaki/http'
import type { MiddlewareHandler } from 'hono'
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose'
import { order } from '../marketplace/order.ts'
import { bearerOf, callerOf, refusal, type ShopOptions } from './caller.ts'

export type ProviderOptions = ShopOptions & {
  /** Where the provider publishes its keys. */
  readonly jwks: URL
  readonly issuer: string
  readonly audience: string
  /** How long no key is fetched after the last fetch, so that tokens of unknown keys cannot make us ask at will, in ms. */
  readonly cooldownMs?: number
}

export function makeShop({ jwks, issuer, audience, cooldownMs = 30_000, ...options }: ProviderOptions): App {
  const keys = createRemoteJWKSet(jwks, { cooldownDuration: cooldownMs, timeoutDuration: 5_000 })
  const shop = app({ serve: [order], actor: callerOf, ...options })
  // An algorithm that is not named is refused: the token does not choose it.
  shop.use(requireToken(keys, { issuer, audience, algorithms: ['ES256', 'RS256'], requiredClaims: ['sub', 'exp'] }))
  return shop
}

function requireToken(keys: JWTVerifyGetKey, expected: JWTVerifyOptions): MiddlewareHandler {
  return async (c, next) => {
    const { payload } = await jwtVerify(bearerOf(c) ?? '', keys, expected).catch(refuse)
    c.set('caller', payload.sub!)
    await next()
  }
}

/** 401 for a token that is wrong; 503 where the keys cannot be fetched, which is not the fault of the caller. */
function refuse(error: unknown): never {
  if (WRONG.some(kind => error instanceof kind)) throw refusal(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
  throw refusal(503, { 'Retry-After': '5' })
}
const WRONG = [
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWTClaimValidationFailed,
  errors.JWTExpired,
  errors.JWTInvalid,
]
