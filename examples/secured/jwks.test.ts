import { afterAll, expect, test } from 'bun:test'
import { memory } from 'emaki'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { makeShop } from './jwks.ts'

const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }
const issuer = 'https://login.example'
const audience = 'shop'

/** A provider with one key at a time. It counts how often its keys are fetched. */
const provider = { keys: [] as JWK[], fetches: 0, isDown: false }
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  development: false,
  fetch: () => {
    provider.fetches++
    return provider.isDown ? new Response(null, { status: 500 }) : Response.json({ keys: provider.keys })
  },
})
afterAll(() => server.stop(true))

async function rotate(kid: string): Promise<CryptoKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  provider.keys = [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }]
  return privateKey
}

const sign = (key: CryptoKey, kid: string, claims: { readonly iss?: string; readonly exp?: string } = {}) =>
  new SignJWT({ sub: 'ada', aud: audience, iss: claims.iss ?? issuer })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setExpirationTime(claims.exp ?? '1 minute')
    .sign(key)

function openShop() {
  const shop = makeShop({ jwks: new URL(server.url), issuer, audience, cooldownMs: 0, store: memory() })
  let count = 0
  return async (token: string | null) => {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
    return await shop.request(`/order/o${++count}/place`, { method: 'POST', headers, body: JSON.stringify(basket) })
  }
}

test('a token of the provider is accepted, and its keys are fetched once for many requests', async () => {
  const key = await rotate('k1')
  const place = openShop()
  const before = provider.fetches
  for (let i = 0; i < 5; i++) expect((await place(await sign(key, 'k1'))).status).toBe(201)
  expect(provider.fetches - before).toBe(1)
})

test('a token of a new key is accepted once the provider has rotated, and one of the old key is no longer', async () => {
  const old = await rotate('k1')
  const place = openShop()
  expect((await place(await sign(old, 'k1'))).status).toBe(201)
  const young = await rotate('k2')
  expect((await place(await sign(young, 'k2'))).status).toBe(201)
  expect((await place(await sign(old, 'k1'))).status).toBe(401)
})

test('a token is refused that is missing, malformed, expired, for others, or signed by another key', async () => {
  const key = await rotate('k1')
  const place = openShop()
  const { privateKey: stranger } = await generateKeyPair('ES256')
  const unsigned = `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ada"}')}.`.replaceAll('=', '')
  for (const token of [
    null,
    'nonsense',
    unsigned,
    await sign(key, 'k1', { exp: '-1 minute' }),
    await sign(key, 'k1', { iss: 'https://other.example' }),
    await sign(stranger, 'k1'),
    await sign(key, 'k9'),
  ]) {
    const answer = await place(token)
    expect([token, answer.status, answer.headers.get('www-authenticate')]).toEqual([token, 401, 'Bearer error="invalid_token"'])
    expect(await answer.json()).toMatchObject({ type: '/problems/unauthenticated' })
  }
})

test('a token answers 503 while the keys of the provider cannot be fetched, as it may be good', async () => {
  const key = await rotate('k1')
  provider.isDown = true
  const answer = await openShop()(await sign(key, 'k1'))
  provider.isDown = false
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
})
